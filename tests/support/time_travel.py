"""Letting time pass: everything that is stored becomes older."""

from datetime import timedelta

from tests.support.driving import Tables

_MOMENTS = """
    SELECT table_name, string_agg(format('%I = %I - $1', column_name, column_name), ', ')
    FROM information_schema.columns
    WHERE table_schema = current_schema() AND data_type = 'timestamp with time zone'
      AND table_name NOT LIKE 'procrastinate%'
    GROUP BY table_name
"""


class Clock:
    """Moves the deployment through time, by moving what is stored into the past."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._updates = [
            f"UPDATE {table} SET {columns}".replace("$1", "%s::interval")  # noqa: S608 - our own
            for table, columns in tables(_MOMENTS.replace("%", "%%"))
        ]

    def pass_time(self, time: timedelta) -> None:
        for update in self._updates:
            self._tables(update, *[time] * update.count("%s"))

"""How many deliveries there were on each day."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import Connection, text
from sqlmodel.sql.sqltypes import UTCDateTime

from mailcore.clock import now
from mailcore.values.deliveries import DayCount, DeliveryStatus

_PER_DAY = text(f"""
    SELECT day AT TIME ZONE 'UTC' AS day,
           count(id) FILTER (WHERE status = '{DeliveryStatus.SENT}') AS sent,
           count(id) FILTER (WHERE status IN
                             ('{DeliveryStatus.FAILED}', '{DeliveryStatus.LAPSED}')) AS failed,
           count(id) FILTER (WHERE status = '{DeliveryStatus.UNKNOWN}'
                             OR (status = '{DeliveryStatus.SENDING}' AND leased_until < now()))
               AS unknown
    FROM generate_series(date_trunc('day', CAST(:since AS timestamptz) AT TIME ZONE 'UTC'),
                         CAST(:until AS timestamptz) AT TIME ZONE 'UTC',
                         interval '1 day') AS day -- a day of 24 hours: this one has no zone
    LEFT JOIN delivery ON created_at >= day AT TIME ZONE 'UTC'
                       AND created_at < (day + interval '1 day') AT TIME ZONE 'UTC'
                       AND (:alias = '' OR alias = :alias)
    GROUP BY day ORDER BY day
""").columns(day=UTCDateTime())  # noqa: S608 - of constants


#: As above, of several senders; by the index on the alias and the time.
_OF_SENDERS = text(f"""
    SELECT alias, date_trunc('day', created_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS day,
           count(*) FILTER (WHERE status = '{DeliveryStatus.SENT}') AS sent,
           count(*) FILTER (WHERE status IN
                            ('{DeliveryStatus.FAILED}', '{DeliveryStatus.LAPSED}')) AS failed,
           count(*) FILTER (WHERE status = '{DeliveryStatus.UNKNOWN}'
                            OR (status = '{DeliveryStatus.SENDING}' AND leased_until < now()))
               AS unknown
    FROM delivery WHERE alias = ANY(:aliases) AND created_at >= :since
    GROUP BY 1, 2 ORDER BY 1, 2
""").columns(day=UTCDateTime())  # noqa: S608 - of constants


def count_of_senders(
    connection: Connection, aliases: Collection[str], days: int
) -> dict[str, tuple[DayCount, ...]]:
    """Count the deliveries of several senders; see `DeliveryLog.per_day_of`."""
    since = now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)
    values = {"aliases": list(aliases), "since": since}
    counts: dict[str, tuple[DayCount, ...]] = {}
    for row in connection.execute(_OF_SENDERS, values).mappings():
        alias, day = row["alias"], {name: row[name] for name in row if name != "alias"}
        counts[alias] = (*counts.get(alias, ()), DayCount(**day))
    return counts


def count_per_day(connection: Connection, alias: str | None, days: int) -> tuple[DayCount, ...]:
    """Count the deliveries of each of the last days, UTC; see `DeliveryLog.per_day`."""
    until = now()
    values = {"since": until - timedelta(days=days - 1), "until": until, "alias": alias or ""}
    return tuple(DayCount(**row) for row in connection.execute(_PER_DAY, values).mappings())

"""Has anything in the database changed? The cheapest question that is never answered wrongly."""

from sqlalchemy import text

from mailcore.store.database import Database

#: Which transactions count as committed. No table is read, and nothing has to be written for
#: it, unlike a counter, which every send would have to raise.
_SNAPSHOT = text("SELECT CAST(pg_current_snapshot() AS text)")


def read_snapshot(database: Database) -> str:
    """Return a text that differs once any transaction on the server has ended.

    While it is the same, every query returns what it did. It may differ though nothing of
    ours has changed: other databases of the server count, too.
    https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT

    Raises:
        DatabaseUnavailable: Postgres cannot be reached.
    """
    with database.statement() as connection:
        return str(connection.execute(_SNAPSHOT).scalar_one())

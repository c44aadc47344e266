"""Whether rotation has sealed everything that is stored."""

from mailcore.store.database import Database

_ALL_SEALED = "SELECT all_sealed_at IS NOT NULL AS done FROM deployment"


def all_sealed(database: Database) -> bool:
    """Say whether rotation has sealed everything, so that nothing else may be opened.

    Raises:
        DatabaseUnavailable: Postgres cannot be reached.
    """
    with database.connection() as connection:
        row = connection.run(_ALL_SEALED).fetchone()
    return row is not None and bool(row.done)

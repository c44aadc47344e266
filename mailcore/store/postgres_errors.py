"""Every error of Postgres leaves as one of ours: callers never see a driver's type."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.errors import (
    InsufficientPrivilege,
    LockNotAvailable,
    QueryCanceled,
    ReadOnlySqlTransaction,
    UndefinedColumn,
    UndefinedTable,
)

from mailcore.errors import ConfigurationError, DatabaseUnavailable


def is_timeout(error: DatabaseUnavailable) -> bool:
    """Say whether Postgres gave a statement up because its caller's time was up."""
    cause = error.__cause__
    return isinstance(getattr(cause, "orig", cause), QueryCanceled | LockNotAvailable)


@contextmanager
def our_errors() -> Iterator[None]:
    """Turn what Postgres or psycopg raises into what callers can act on.

    Raises:
        ConfigurationError: the tables are missing, or may not be used.
        DatabaseUnavailable: Postgres cannot be reached, went away, takes no writes, or did
            not finish a statement in time.
    """
    try:
        yield
    except Exception as exc:
        _raise_ours(exc)
        raise


def _raise_ours(exc: Exception) -> None:
    """Raise what stands for an error of Postgres; others are left to the caller."""
    error = getattr(exc, "orig", exc)  # SQLAlchemy wraps what psycopg raises
    match error:
        case UndefinedTable() | UndefinedColumn():
            raise ConfigurationError(
                "The database schema is not up to date.", remedy="Run `pal-e-mail migrate`."
            ) from exc
        case InsufficientPrivilege():
            raise ConfigurationError(
                f"The database user lacks a privilege: {_first_line(error)}.",
                remedy="Use the same user as for `pal-e-mail migrate`, or grant this one access to "
                "its tables.",
            ) from exc
        case QueryCanceled() | LockNotAvailable():
            raise DatabaseUnavailable(
                f"The database did not answer in time: {_first_line(error)}.",
                remedy="Check pg_stat_activity for locks that are held for a long time. Trying "
                "again later is safe.",
            ) from exc
        case ReadOnlySqlTransaction():
            raise DatabaseUnavailable(
                "The database is read-only: it is a replica, or a failover is in progress.",
                remedy="Point DATABASE_URL at the primary. Trying again later is safe.",
            ) from exc
        case psycopg.OperationalError() | psycopg.InterfaceError():
            raise DatabaseUnavailable(
                f"The database cannot be reached: {_first_line(error)}.",
                remedy="Check DATABASE_URL and that Postgres is running. Trying again later is "
                "safe.",
            ) from exc


def _first_line(exc: BaseException) -> str:
    return str(exc).partition("\n")[0].rstrip(".")

"""Every error of Postgres leaves as one of ours: callers never see a driver's type."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.errors import (
    InsufficientPrivilege,
    LockNotAvailable,
    ReadOnlySqlTransaction,
    UndefinedColumn,
    UndefinedTable,
)
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mailcore.errors import ConfigurationError, DatabaseUnavailable, TemporaryFailure

LOCK_BUSY = (
    "Others are waiting for Google to renew this sender's access, and it takes too long. "
    "Nothing was sent; trying again later is safe."
)


@contextmanager
def our_errors() -> Iterator[None]:
    """Turn what Postgres, psycopg or the pool raises into what callers can act on.

    Raises:
        ConfigurationError: the tables are missing, or may not be used.
        TemporaryFailure: a lock was not to be had in time.
        DatabaseUnavailable: Postgres cannot be reached, went away, or takes no writes.
    """
    try:
        yield
    except ProgrammingError as exc:
        if isinstance(exc.orig, UndefinedTable | UndefinedColumn):
            raise ConfigurationError(
                "The database schema is not up to date.", remedy="Run `pal-e-mail migrate`."
            ) from exc
        if isinstance(exc.orig, InsufficientPrivilege):
            raise ConfigurationError(
                f"The database user lacks a privilege: {_first_line(exc)}.",
                remedy="Use the same user as for `pal-e-mail migrate`, or grant this one access to "
                "its tables.",
            ) from exc
        raise
    except (OperationalError, InterfaceError, PoolTimeout) as exc:
        if isinstance(exc, OperationalError) and isinstance(exc.orig, LockNotAvailable):
            raise TemporaryFailure(LOCK_BUSY) from exc
        raise DatabaseUnavailable(
            f"The database cannot be reached: {_first_line(exc)}.",
            remedy="Check DATABASE_URL and that Postgres is running. Trying again later is safe.",
        ) from exc
    except DBAPIError as exc:
        if exc.connection_invalidated:
            raise DatabaseUnavailable(
                "The connection to the database was lost.", remedy="Trying again later is safe."
            ) from exc
        if isinstance(exc.orig, ReadOnlySqlTransaction):
            raise DatabaseUnavailable(
                "The database is read-only: it is a replica, or a failover is in progress.",
                remedy="Point DATABASE_URL at the primary. Trying again later is safe.",
            ) from exc
        raise


def _first_line(exc: Exception) -> str:
    return str(getattr(exc, "orig", exc)).partition("\n")[0].rstrip(".")

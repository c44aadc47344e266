"""Every error of Postgres leaves as one of ours: callers never see a driver's type."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.errors import (
    InsufficientPrivilege,
    LockNotAvailable,
    QueryCanceled,
    ReadOnlySqlTransaction,
    UndefinedColumn,
    UndefinedTable,
)
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mailcore.errors import ConfigurationError, DatabaseUnavailable


def is_timeout(error: DatabaseUnavailable) -> bool:
    """Say whether Postgres gave a statement up because its caller's time was up."""
    return _was_given_up(error.__cause__)


@contextmanager
def our_errors() -> Iterator[None]:
    """Turn what Postgres, psycopg or the pool raises into what callers can act on.

    Raises:
        ConfigurationError: the tables are missing, or may not be used.
        DatabaseUnavailable: Postgres cannot be reached, went away, takes no writes, or did
            not finish a statement in time.
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
        if _was_given_up(exc):
            raise DatabaseUnavailable(
                f"The database did not answer in time: {_first_line(exc)}.",
                remedy="Look in pg_stat_activity for a lock that is held for long. Trying again "
                "later is safe.",
            ) from exc
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


def _was_given_up(exc: BaseException | None) -> bool:
    return isinstance(exc, OperationalError) and isinstance(
        exc.orig, QueryCanceled | LockNotAvailable
    )


def _first_line(exc: Exception) -> str:
    return str(getattr(exc, "orig", exc)).partition("\n")[0].rstrip(".")

"""Every error of Postgres leaves as one of ours: callers never see a driver's type."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.errors import (
    InsufficientPrivilege,
    QueryCanceled,
    ReadOnlySqlTransaction,
    UndefinedColumn,
    UndefinedTable,
)
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mailcore.errors import ConfigurationError, DatabaseUnavailable

_TRY_LATER = "trying again later is safe."


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
                "The database has no up-to-date pal-e-mail tables.",
                remedy="Run `pal-e-mail migrate`.",
            ) from exc
        if isinstance(exc.orig, InsufficientPrivilege):
            raise ConfigurationError(
                f"DATABASE_URL's user may not do this: {_first_line(exc)}.",
                remedy="Let the user that runs `pal-e-mail migrate` own the tables, or grant "
                "the other user the rights.",
            ) from exc
        raise
    except (OperationalError, InterfaceError, PoolTimeout) as exc:
        if isinstance(exc, OperationalError) and isinstance(exc.orig, QueryCanceled):
            raise DatabaseUnavailable(
                f"The database did not answer in time: {_first_line(exc)}. Nothing was sent.",
                remedy="Look for a lock that is held for long (pg_stat_activity shows it); "
                + _TRY_LATER,
            ) from exc
        raise DatabaseUnavailable(
            f"The database cannot be reached: {_first_line(exc)}. Nothing was sent.",
            remedy=f"Check DATABASE_URL and that Postgres runs; {_TRY_LATER}",
        ) from exc
    except DBAPIError as exc:
        if exc.connection_invalidated:
            raise DatabaseUnavailable(
                "The connection to the database was lost.",
                remedy="Try again later; that is safe.",
            ) from exc
        if isinstance(exc.orig, ReadOnlySqlTransaction):
            raise DatabaseUnavailable(
                "The database takes no writes: it is a replica, or is being switched over.",
                remedy=f"Set DATABASE_URL to the primary; {_TRY_LATER}",
            ) from exc
        raise


def _first_line(exc: Exception) -> str:
    return str(getattr(exc, "orig", exc)).partition("\n")[0].rstrip(".")

"""A caller's own transaction: any of the connections that programs have, as one to run SQL on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.errors import UndefinedColumn, UndefinedTable
from psycopg.rows import tuple_row
from sqlalchemy import Connection

from mailcore.errors import ConfigurationError, DatabaseUnavailable


def run(connection: Any, statement: str, values: Mapping[str, object]) -> tuple[Any, ...] | None:
    """Run a statement in a caller's transaction, and return its first row.

    Raises:
        TypeError: it is none of the connections that are understood.
    """
    driver = _driver(connection)
    options = {"row_factory": tuple_row} if isinstance(driver, psycopg.Connection) else {}
    with _our_errors(), driver.cursor(**options) as cursor:
        cursor.execute(statement, values)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row


async def arun(
    connection: Any, statement: str, values: Mapping[str, object]
) -> tuple[Any, ...] | None:
    """As `run`, for asyncio."""
    driver = await _async_driver(connection)
    with _our_errors():
        async with driver.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(statement.encode(), values)
            return await cursor.fetchone()


def _driver(connection: Any) -> Any:
    """Return the driver's connection, with its transaction begun as the caller's library does."""
    if not isinstance(connection, Connection) and hasattr(connection, "get_bind"):
        connection = connection.connection()  # a Session: it begins its transaction
    if isinstance(connection, Connection):
        connection = connection.connection.driver_connection
    if not hasattr(connection, "cursor") or isinstance(connection, psycopg.AsyncConnection):
        raise TypeError(
            f"connection is a {type(connection).__name__}; give an SQLAlchemy Session or "
            "Connection, or a psycopg connection"
        )
    return connection


async def _async_driver(connection: Any) -> psycopg.AsyncConnection[Any]:
    if hasattr(connection, "sync_session"):  # an AsyncSession
        connection = await connection.connection()
    if hasattr(connection, "get_raw_connection"):  # an AsyncConnection of SQLAlchemy's
        connection = (await connection.get_raw_connection()).driver_connection
    if not isinstance(connection, psycopg.AsyncConnection):
        raise TypeError(
            f"connection is a {type(connection).__name__}; give an SQLAlchemy AsyncSession or "
            "AsyncConnection over psycopg, or a psycopg AsyncConnection"
        )
    return connection


@contextmanager
def _our_errors() -> Iterator[None]:
    """Turn what psycopg raises into what callers can act on, as `store.postgres_errors` does."""
    try:
        yield
    except (UndefinedTable, UndefinedColumn) as exc:
        raise ConfigurationError(
            "The connection's database has no pal-e-mail tables, or outdated ones.",
            remedy="Give a connection to the database of DATABASE_URL, and run "
            "`pal-e-mail migrate`.",
        ) from exc
    except psycopg.OperationalError as exc:
        raise DatabaseUnavailable(
            "The database gave up the transaction in which the message was to be queued: "
            f"{str(exc).partition(chr(10))[0]}",
            remedy="Roll the transaction back. Trying it again later is safe.",
        ) from exc

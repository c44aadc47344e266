"""SQLModel's sessions, for the front ends, on connections that `Database` lends.

There is one pool for front ends and sending alike. SQLAlchemy gets its connections from there
one by one, and gives them back as they are: it opens and closes none.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import psycopg
from sqlalchemy import Connection as CoreConnection
from sqlalchemy import Engine, NullPool, create_engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine.interfaces import ExecutionContext
from sqlmodel import Session

from mailcore.clock import Deadline
from mailcore.store.connection import Connection
from mailcore.store.statement_timeout import limited

_DEADLINE = "palemail_deadline"

_lent: ContextVar[Connection] = ContextVar("lent")


class LentConnections(PGDialect_psycopg):
    """psycopg, without what opens and closes a connection."""

    supports_statement_cache = True

    def on_connect(self) -> Callable[[Any], Any]:
        """Isolate as *read committed*, whatever the database's default is."""
        return lambda connection: self.set_isolation_level(connection, "READ COMMITTED")  # type: ignore[no-untyped-call]

    def do_close(self, dbapi_connection: Any) -> None:
        """Leave it to the pool that lent it."""


registry.register("postgresql.lent", __name__, LentConnections.__name__)


def engine() -> Engine:
    """Return an engine that uses what `core_connection` gives it."""
    made = create_engine(
        "postgresql+lent://",
        creator=_lent.get,
        poolclass=NullPool,
        # Parameters may be secrets; a logged error must not quote them.
        hide_parameters=True,
        # What is decided here is decided on what others have committed.
        isolation_level="READ COMMITTED",
        # Spares a look-up at the first connection for a type that is not used.
        use_native_hstore=False,
    )
    event.listen(made, "do_execute", _execute)
    return made


@contextmanager
def core_connection(
    made: Engine, connection: Connection, deadline: Deadline | None
) -> Iterator[CoreConnection]:
    """Have SQLAlchemy use a lent connection.

    Args:
        made: the `engine`.
        connection: what it uses.
        deadline: by which each statement ends; None for no end.
    """
    before = _lent.set(connection)
    try:
        wrapped = made.connect()
    finally:
        _lent.reset(before)
    with wrapped:
        yield wrapped.execution_options(**{_DEADLINE: deadline})


def driver(session: Session) -> Connection:
    """Return the connection of a session, for statements in its transaction."""
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, Connection)  # noqa: S101 - `Database` lends no others
    return connection


def _execute(
    cursor: psycopg.Cursor[tuple[object, ...]],
    statement: str,
    parameters: Sequence[object],
    context: ExecutionContext,
) -> bool | None:
    """Run a statement under its connection's deadline; True says that it ran here."""
    deadline: Deadline | None = context.execution_options.get(_DEADLINE)
    if deadline is None:
        return None
    with limited(cursor.connection, deadline, parameters):
        cursor.execute(statement.encode(), parameters)
    return True

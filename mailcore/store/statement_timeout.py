"""No statement outlasts its caller, at no further round trip, also behind PgBouncer.

Behind a pooler in transaction mode, a timeout that is set for the session would hit another
client. So it is set for the transaction, and travels with the statement in one batch
(https://www.postgresql.org/docs/current/libpq-pipeline-mode.html). Values stay parameters:
written into the statement, tokens and messages would reach Postgres' log with the first error.
"""

from collections.abc import Sequence
from contextlib import suppress

import psycopg
from psycopg.abc import PQGen
from psycopg.errors import PipelineAborted
from sqlalchemy import Connection
from sqlalchemy.engine.interfaces import ExecutionContext

#: Seconds that a statement may take whose caller named no time.
STATEMENT_TIMEOUT = 30.0

_OPTION = "palemail_timeout"


class _Batch(psycopg.Pipeline):
    """A pipeline that ends with a Sync alone. psycopg's adds a Flush, which nothing needs."""

    def _exit_gen(self) -> PQGen[None]:
        self._enqueue_sync()
        try:
            with suppress(PipelineAborted):  # said of what follows a statement that failed
                yield from self._communicate_gen()
        finally:
            with suppress(PipelineAborted):
                yield from self._fetch_gen(flush=False)


def bound(connection: Connection, timeout: float | None) -> Connection:
    """Have each statement on a connection end after that many seconds; None leaves it be."""
    return connection.execution_options(**{_OPTION: timeout})


def execute(
    cursor: psycopg.Cursor[tuple[object, ...]],
    statement: str,
    parameters: Sequence[object],
    context: ExecutionContext,
) -> bool | None:
    """Run a statement under its connection's timeout, if it has one.

    The handler of SQLAlchemy's ``do_execute``: True says that it ran here.
    """
    timeout = context.execution_options.get(_OPTION)
    if timeout is None:
        return None
    connection = cursor.connection
    limit = f"SET LOCAL statement_timeout = {max(int(timeout * 1000), 1)}".encode()
    try:
        connection._pipeline = _Batch(connection)  # noqa: SLF001 - where pipeline() looks for one
        with connection.pipeline():
            if connection.autocommit:
                # Stated, not left to the database's default, as in every other transaction.
                connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            connection.execute(limit)
            cursor.execute(statement.encode(), parameters)
            if connection.autocommit:
                connection.execute("COMMIT")
    except psycopg.Error:
        if connection.autocommit and not connection.closed:
            connection.rollback()
        raise
    return True

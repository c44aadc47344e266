"""No statement outlasts its caller, at no further round trip, also behind PgBouncer.

Behind a pooler in transaction mode, a timeout that is set for the session would hit another
client. So it is set for the transaction, and travels with the statement in one batch
(https://www.postgresql.org/docs/current/libpq-pipeline-mode.html). Values stay parameters:
written into the statement, tokens and messages would reach Postgres' log with the first error.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import psycopg
from psycopg.errors import PipelineAborted
from sqlalchemy import Connection
from sqlalchemy.engine.interfaces import ExecutionContext

#: Seconds that a statement may take whose caller named no time.
STATEMENT_TIMEOUT = 30.0

_OPTION = "palemail_timeout"
#: Bytes above which a parameter goes out by itself: a batch would hold one more copy of it.
_LARGE = 1_000_000


def _is_news(record: logging.LogRecord) -> bool:
    """Say whether a warning of psycopg's tells more than the error that the caller gets."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    return not any(isinstance(each, PipelineAborted) for each in arguments)


# Of what follows a failed statement in a batch, psycopg warns that it was not run.
logging.getLogger("psycopg").addFilter(_is_news)


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
        with nullcontext() if _has_large(parameters) else connection.pipeline():
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


def _has_large(parameters: Sequence[object]) -> bool:
    values = parameters.values() if isinstance(parameters, Mapping) else parameters
    bare = (value.obj if isinstance(value, psycopg.Binary) else value for value in values)
    return any(isinstance(value, bytes) and len(value) > _LARGE for value in bare)

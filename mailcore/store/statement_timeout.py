"""No statement outlasts its caller, at no further round trip, also behind PgBouncer.

Behind a pooler in transaction mode, a timeout that is set for the session would hit another
client. So it is set for the transaction, and travels with the statement in one batch
(https://www.postgresql.org/docs/current/libpq-pipeline-mode.html). Values stay parameters:
written into the statement, tokens and messages would reach Postgres' log with the first error.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import psycopg
from psycopg.errors import PipelineAborted

from mailcore.clock import Deadline

#: Seconds by which Postgres ends a statement before its caller would, so that the caller hears
#: why, and keeps the connection; a tenth of the time left if that is less.
_AHEAD = 0.5
#: Bytes above which a parameter goes out by itself: a batch would hold one more copy of it.
_LARGE = 1_000_000


def _is_news(record: logging.LogRecord) -> bool:
    """Say whether a warning of psycopg's tells more than the error that the caller gets."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    return not any(isinstance(each, PipelineAborted) for each in arguments)


# Of what follows a failed statement in a batch, psycopg warns that it was not run.
logging.getLogger("psycopg").addFilter(_is_news)


@contextmanager
def limited(
    connection: psycopg.Connection[Any],
    deadline: Deadline,
    parameters: Sequence[object] | Mapping[str, object],
) -> Iterator[None]:
    """Send what is run within as one batch, in which Postgres keeps to a deadline.

    Where the connection commits each statement by itself, the batch is a transaction.

    Args:
        connection: what it is run on. Results are there once the context ends.
        deadline: the caller's.
        parameters: of what is run.
    """
    try:
        with nullcontext() if _has_large(parameters) else connection.pipeline():
            if connection.autocommit:
                # Stated, not left to the database's default, as in every other transaction.
                connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            for limit in _limits(deadline, alone=connection.autocommit):
                connection.execute(limit)
            yield
            if connection.autocommit:
                connection.execute("COMMIT")
    except psycopg.Error:
        if connection.autocommit and not connection.closed:
            connection.rollback()
        raise


def _limits(deadline: Deadline, *, alone: bool) -> Iterator[bytes]:
    """Yield what bounds a statement; in a longer transaction, one lock may not take it all."""
    seconds = deadline.seconds_left
    seconds -= min(_AHEAD, seconds / 10)
    yield f"SET LOCAL statement_timeout = {_milliseconds(seconds)}".encode()
    if not alone:
        yield f"SET LOCAL lock_timeout = {_milliseconds(seconds / 2)}".encode()


def _milliseconds(seconds: float) -> int:
    return max(int(seconds * 1000), 1)  # 0 would mean no limit


def _has_large(parameters: Sequence[object] | Mapping[str, object]) -> bool:
    values = parameters.values() if isinstance(parameters, Mapping) else parameters
    bare = (value.obj if isinstance(value, psycopg.Binary) else value for value in values)
    return any(isinstance(value, bytes) and len(value) > _LARGE for value in bare)

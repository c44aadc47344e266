"""No wait for Postgres outlasts its caller, even if the server no longer reads.

A paused pooler or a frozen host acts on no ``statement_timeout``, and TCP notices nothing: the
kernel on the other side goes on acknowledging. libpq's ``connect_timeout`` counts whole seconds
for each address anew, and nothing bounds the resolver. So the end is kept on this side, too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

from mailcore.clock import Deadline
from mailcore.threads import left_behind

Result = TypeVar("Result")

_deadline: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


@contextmanager
def until(deadline: Deadline | None) -> Iterator[None]:
    """End what this thread does with connections at a deadline: getting one, and using it.

    Args:
        deadline: None waits for as long as it takes.
    """
    before = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(before)


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed when an answer does not come in time.

    It cannot be used again then: the answer to this question would be taken for the next one's.

    Attributes:
        deadline: when whoever has it now must be done.
    """

    deadline: Deadline | None = None

    def wait(self, gen: PQGen[Result], *args: Any, **options: Any) -> Result:
        """Wait for Postgres, as every call of psycopg's does.

        Raises:
            psycopg.OperationalError: it did not answer in time.
        """
        deadline = self.deadline
        if deadline is None:
            return super().wait(gen, *args, **options)
        try:
            return super().wait(_ending(gen, deadline), *args, **options)
        except TimeoutError as exc:
            self.close()
            raise _no_answer() from exc


def _ending(generator: PQGen[Result], deadline: Deadline) -> PQGen[Result]:
    """Pass on psycopg's waiting; it looks in several times a second, whatever happens."""
    ready: Any = None
    while True:
        try:
            wanted = generator.send(ready)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        deadline.timeout()
        ready = yield wanted


def connect(*args: Any, **options: Any) -> BoundedConnection:
    """Connect within the time of `until`. The arguments are those of `psycopg.connect`.

    Raises:
        psycopg.OperationalError: it could not be done, or not in time.
    """
    deadline = _deadline.get()
    if deadline is None:
        return BoundedConnection.connect(*args, **options)
    try:
        connection = left_behind(
            lambda: BoundedConnection.connect(*args, **options),
            deadline,
            discard=BoundedConnection.close,
        )
    except TimeoutError as exc:
        raise _no_answer() from exc
    connection.deadline = deadline
    return connection


def lend(connection: BoundedConnection) -> None:
    """Have a pooled connection's waits end with those of `until`."""
    connection.deadline = _deadline.get()


def _no_answer() -> psycopg.OperationalError:
    return psycopg.OperationalError("it did not answer in time")

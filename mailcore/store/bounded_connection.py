"""No wait for Postgres outlasts its caller, even if the server no longer reads.

A statement that takes too long is cancelled a little before its caller's time is up, so that the
caller hears why, and keeps the connection. A paused pooler or a frozen host acts on no
cancellation, nor on any ``statement_timeout``, and TCP notices nothing: the kernel on the other
side goes on acknowledging. libpq's ``connect_timeout`` counts whole seconds for each address
anew, and nothing bounds the resolver. So the end is kept on this side, too.
"""

from contextlib import suppress
from typing import Any, Self, TypeVar

import psycopg
from psycopg.abc import PQGen

from mailcore.clock import Deadline
from mailcore.threads import left_behind

Result = TypeVar("Result")

#: Seconds before the deadline at which a statement is cancelled; a part of the time left if
#: that is less.
_AHEAD, _PART = 0.25, 4
#: Seconds after which psycopg looks in while it waits.
_LOOKS_IN = 0.1


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed when an answer does not come in time.

    It cannot be used again then: the answer to this question would be taken for the next one's.

    Attributes:
        deadline: when whoever has it now must be done; None for no end.
    """

    deadline: Deadline | None = None

    @classmethod
    def connect_by(cls, deadline: Deadline | None, **options: Any) -> Self:
        """Connect before a deadline. The options are those of `psycopg.connect`.

        Raises:
            psycopg.OperationalError: it could not be done, or not in time.
        """
        if deadline is None:
            return cls.connect(**options)
        try:
            connection = left_behind(
                lambda: cls.connect(**options), deadline, discard=BoundedConnection.close
            )
        except TimeoutError as exc:
            raise _no_answer() from exc
        connection.deadline = deadline
        return connection

    def wait(self, gen: PQGen[Result], *args: Any, **options: Any) -> Result:
        """Wait for Postgres, as every call of psycopg's does.

        Raises:
            psycopg.OperationalError: it did not answer in time.
        """
        deadline = self.deadline
        if deadline is None:
            return super().wait(gen, *args, **options)
        ahead = min(_AHEAD, deadline.seconds_left / _PART)
        ending = self._ending(gen, deadline, deadline.before(ahead))
        try:
            return super().wait(ending, min(_LOOKS_IN, ahead / 2))
        except TimeoutError as exc:
            self.close()
            raise _no_answer() from exc

    def _ending(
        self, generator: PQGen[Result], deadline: Deadline, cancel_at: Deadline
    ) -> PQGen[Result]:
        """Pass on psycopg's waiting; it looks in several times a second, whatever happens."""
        cancelled = False
        ready: Any = None
        while True:
            try:
                wanted = generator.send(ready)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
            seconds = deadline.timeout()
            if cancel_at.is_over and not cancelled:
                cancelled = True
                with suppress(psycopg.Error):  # it is frozen, or gone: the deadline ends it
                    self.cancel_safe(timeout=seconds)
            ready = yield wanted


def _no_answer() -> psycopg.OperationalError:
    return psycopg.OperationalError("it did not answer in time")

"""A message on its way, from the first statement to the recorded outcome."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mailcore.clock import elapsed
from mailcore.grants.tokens import LoadedSender
from mailcore.message.compose import ComposedMessage

#: Seconds that Gmail must have to answer; half the timeout if that is shorter.
ANSWER_TIME = 5.0


class Deadline:
    """The end of a caller's time, by a clock that counts on during a suspend.

    Args:
        timeout: seconds from now.
    """

    __slots__ = ("_end", "answer_time")

    def __init__(self, timeout: float) -> None:
        self._end = elapsed() + timeout
        #: Seconds that Gmail must have to answer: a message posted with less would end as
        #: unknown, though it could be called unsent.
        self.answer_time = min(ANSWER_TIME, timeout / 2)

    @property
    def seconds_left(self) -> float:
        """Seconds until then; never zero, so that timeouts stay valid."""
        return max(self._end - elapsed(), 0.001)


@dataclass(slots=True, kw_only=True)
class OutgoingMessage:
    """One message on its way, and how far it has come.

    Attributes:
        delivery_id: its row in the delivery table.
        sender: with the grant that the latest attempt used.
        message: what goes out.
        thread_id: Gmail's id of the thread to put it in, or None.
        idempotency_key: the caller's, or None.
        deadline: when all of it must be over.
        leased_until: until when its row is this call's, by Postgres' clock. It fences off a
            call whose row another one has taken over.
        attempts: how many times Gmail was asked.
        in_flight: Gmail may have it, and has not answered.
    """

    delivery_id: UUID
    sender: LoadedSender
    message: ComposedMessage
    thread_id: str | None
    idempotency_key: str | None
    deadline: Deadline
    leased_until: datetime | None = None
    attempts: int = 0
    in_flight: bool = False

    @property
    def alias(self) -> str:
        """The sender's alias."""
        return self.sender.alias

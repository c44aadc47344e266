"""A message on its way, from the first statement to the recorded outcome."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mailcore.clock import Deadline
from mailcore.grants.tokens import LoadedSender
from mailcore.message.compose import ComposedMessage

#: Seconds that Gmail must have to answer; half the timeout if that is shorter.
ANSWER_TIME = 5.0


def last_moment_to_post(deadline: Deadline) -> Deadline:
    """Return until when a message may be posted, of which a caller's whole time is left.

    One that is posted later could end as unknown, though it could be called unsent.
    """
    return deadline.before(min(ANSWER_TIME, deadline.seconds_left / 2))


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
        post_by: when it is too late to post it, as Gmail must have time to answer.
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
    post_by: Deadline
    leased_until: datetime | None = None
    attempts: int = 0
    in_flight: bool = False

    @property
    def alias(self) -> str:
        """The sender's alias."""
        return self.sender.alias

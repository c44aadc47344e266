"""What becomes of a message: how far it has come, and what the caller gets for it."""

from dataclasses import dataclass
from enum import StrEnum


class DeliveryStatus(StrEnum):
    """How far a message has come."""

    #: Waiting for a worker.
    QUEUED = "queued"
    #: Waiting for its sender to be re-authorised.
    HELD = "held"
    #: Intent is recorded; Gmail may be taking it right now.
    SENDING = "sending"
    #: Gmail has taken it.
    SENT = "sent"
    #: It did not go out, and the reason is known.
    FAILED = "failed"
    #: It may have gone out; a person decides.
    UNKNOWN = "unknown"
    #: Its ``expires_at`` came before it could be sent.
    LAPSED = "lapsed"
    #: A person decided that it shall not be sent (again).
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that Gmail has taken.

    Attributes:
        delivery_id: its row in the delivery table.
        gmail_id: Gmail's id of it.
        thread_id: Gmail's id of its thread.
        message_id: its RFC 5322 Message-ID, with angle brackets.
        alias: the sender.
    """

    delivery_id: str
    gmail_id: str
    thread_id: str
    message_id: str
    alias: str

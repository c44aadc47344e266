"""What becomes of a message: how far it has come, and what the caller gets for it."""

from dataclasses import dataclass
from datetime import datetime
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
        gmail_id: Gmail's id of it; None where its answer was cut short.
        thread_id: Gmail's id of its thread; None likewise.
        message_id: its RFC 5322 Message-ID, with angle brackets.
        alias: the sender.
    """

    delivery_id: str
    gmail_id: str | None
    thread_id: str | None
    message_id: str
    alias: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message that anyone asked to send.

    Attributes:
        id: a UUID in text form.
        recipients: every To, Cc and Bcc address, bare.
        message_id: the RFC 5322 Message-ID, with angle brackets.
        gmail_id: Gmail's own id, once sent, where its answer could be read.
        can_retry: its outcome is open and the message still stored: it can be sent again.
        can_discard: a person can decide that it shall not be sent (again).
    """

    id: str
    alias: str
    recipients: tuple[str, ...]
    subject: str
    message_id: str
    gmail_id: str | None
    thread_id: str | None
    status: DeliveryStatus
    attempts: int
    error_code: str | None
    error_text: str | None
    idempotency_key: str | None
    can_retry: bool
    can_discard: bool
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPage:
    """One page of deliveries, newest first, and how many match in all."""

    deliveries: tuple[Delivery, ...]
    matching: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """Deliveries of one UTC day: how many were sent, failed, and are unknown."""

    day: datetime
    sent: int
    failed: int
    unknown: int

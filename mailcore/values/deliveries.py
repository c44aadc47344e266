"""What becomes of a message: how far it has come, and what the caller gets for it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DeliveryStatus(StrEnum):
    """How far a message has come."""

    #: Waiting for a worker.
    QUEUED = "queued"
    #: Queued, and its sender cannot send: derived when it is shown, never stored.
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


class IfUnknown(StrEnum):
    """What is done with a queued message where nobody can tell whether Gmail has it."""

    #: A person decides; it is never sent twice.
    ASK = "ask"
    #: It is sent again; it may arrive twice.
    RESEND = "resend"


class WaitsFor(StrEnum):
    """What a queued message waits for."""

    #: Its turn: it goes out any moment.
    TURN = "turn"
    #: A later time: it was queued for then, its sender was asked to slow down, or the last
    #: attempt failed.
    TIME = "time"
    #: Its sender has used up what it may send in 24 hours.
    BUDGET = "budget"
    #: Its sender's re-auth.
    REAUTH = "reauth"
    #: Its sender's account, which Google refuses.
    ACCOUNT = "account"
    #: Somebody to resume its sender.
    RESUME = "resume"
    #: Somebody to release it.
    RELEASE = "release"
    #: A sender of that alias: its own was deleted.
    SENDER = "sender"


#: What a message waits for that is shown as *held*: time alone does not let it go.
HELD_FOR = frozenset(WaitsFor) - {WaitsFor.TURN, WaitsFor.TIME}


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A message that is queued, or was under the same idempotency key.

    Attributes:
        delivery_id: its row in the delivery table.
        message_id: its RFC 5322 Message-ID, with angle brackets.
        alias: the sender.
        status: ``queued``, or how far an earlier message with this idempotency key has come.
        send_at: when it may go out, aware UTC; None for an earlier one that was never queued.
    """

    delivery_id: str
    message_id: str
    alias: str
    status: DeliveryStatus
    send_at: datetime | None


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
        status: as stored, but *held* where a queued one cannot go out by time alone.
        waits_for: what a queued one waits for, or None.
        send_at: when a queued one may go out; None where it was never queued.
        held_by: who holds it back, or None.
        can_retry: it did not go out, or may not have, and the message is still stored: it can be
            sent again.
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
    waits_for: WaitsFor | None
    send_at: datetime | None
    held_by: str | None
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

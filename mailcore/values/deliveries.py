"""Messages as callers see them: how far they have come, and what a call returns."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DeliveryStatus(StrEnum):
    """How far a message has come."""

    #: Waiting for a worker.
    QUEUED = "queued"
    #: Queued, and someone holds it or its sender cannot send. Worked out when shown, never stored.
    HELD = "held"
    #: The intent is recorded; Gmail may be accepting it right now.
    SENDING = "sending"
    #: Gmail has accepted it.
    SENT = "sent"
    #: It did not go out, and the reason is known.
    FAILED = "failed"
    #: It may have gone out; a person decides.
    UNKNOWN = "unknown"
    #: It could not be sent before its ``expires_at``, or within PALEMAIL_GIVE_UP_AFTER.
    LAPSED = "lapsed"
    #: A person decided that it won't be sent (again).
    DISCARDED = "discarded"


class IfUnknown(StrEnum):
    """What to do with a queued message if it is unclear whether Gmail accepted it."""

    #: A person decides; it is never sent twice.
    ASK = "ask"
    #: It is sent again; it may arrive twice.
    RESEND = "resend"


class WaitsFor(StrEnum):
    """What a queued message waits for."""

    #: Its turn: it will go out any moment now.
    TURN = "turn"
    #: A later time: it was queued for later, its sender was asked to slow down, or the last
    #: attempt failed.
    TIME = "time"
    #: Its sender's budget, which is used up for now.
    BUDGET = "budget"
    #: Its sender's re-auth.
    REAUTH = "reauth"
    #: Google to accept its sender's account, which it refuses now.
    ACCOUNT = "account"
    #: Someone to resume its sender.
    RESUME = "resume"
    #: Someone to release it.
    RELEASE = "release"
    #: A sender with that alias, because its own was deleted.
    SENDER = "sender"


#: What messages wait for that are shown as *held*.
HELD_FOR = frozenset(WaitsFor) - {WaitsFor.TURN, WaitsFor.TIME}


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A message that is queued, or the earlier one with the same idempotency key.

    Attributes:
        delivery_id: its row in the delivery table.
        message_id: its RFC 5322 Message-ID, with angle brackets.
        alias: the sender.
        status: ``queued``, or how far an earlier message with this idempotency key has come.
        send_at: the earliest time to send it, aware UTC; None for an earlier message that was
            never queued.
    """

    delivery_id: str
    message_id: str
    alias: str
    status: DeliveryStatus
    send_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that Gmail has accepted.

    Attributes:
        delivery_id: its row in the delivery table.
        gmail_id: Gmail's id of the message; None if Gmail's response was cut short.
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
    """One message that someone asked to send.

    Attributes:
        id: a UUID in text form.
        recipients: every To, Cc and Bcc address, bare.
        message_id: the RFC 5322 Message-ID, with angle brackets.
        gmail_id: Gmail's id of the message, once sent; None if Gmail's response could not be read.
        status: as stored, but *held* if it is queued and someone holds it or its sender can't
            send.
        waits_for: what a queued message waits for, or None.
        send_at: the earliest time to send it; None if it was never queued.
        held_by: who holds it, or None.
        allow_fallback: whether it may go out through its sender's fallback.
        sent_through: the other sender through which it went out, or was last tried; None if that
            was its own.
        can_retry: whether it can be sent again: it did not go out, or may not have, and the message
            is still stored.
        can_discard: whether a person can decide that it won't be sent (again).
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
    allow_fallback: bool
    sent_through: str | None
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
class DeliveryPosition:
    """A place in the list of all deliveries, newest first, which new ones do not move.

    Attributes:
        created_at: of the delivery that was listed last.
        id: its id.
    """

    created_at: datetime
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """Deliveries of one UTC day: how many were sent, failed, or have an unknown outcome."""

    day: datetime
    sent: int
    failed: int
    unknown: int

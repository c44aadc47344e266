"""The delivery table's writes: what is done to a message is recorded, whatever comes of it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, text

from mailcore.clock import now
from mailcore.google.gmail import Accepted
from mailcore.message.compose import ComposedMessage
from mailcore.senders.transitions import RECOVERS_FROM, RECOVERS_TO
from mailcore.values.deliveries import DeliveryStatus

#: How much longer than its deadline a send may take before it counts as cut off.
LEASE_MARGIN = timedelta(seconds=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """A delivery as it is to be recorded.

    Attributes:
        id: its row's id, made before the call.
        idempotency_key: the caller's, or None.
        attempts: how many times Gmail was asked.
        leased_until: the lease under which it is being sent, or None where the row comes
            after the call. It fences off an attempt whose row another one has taken over.
    """

    id: UUID
    alias: str
    message: ComposedMessage
    idempotency_key: str | None
    attempts: int
    leased_until: datetime | None = None


#: One statement, so one round trip: the delivery, the sender's time of last sending, and,
#: where the sender was expired or blocked with this very grant, its recovery with its event.
_SENT = text("""
    WITH before AS (
        SELECT id, status, status = ANY(:recovers_from) AND generation = :generation AS recovers
        FROM sender WHERE id = :sender_id FOR UPDATE
    ), accepted AS (
        UPDATE sender
        SET last_sent_at = :at, updated_at = :at,
            status = CASE WHEN recovers THEN :recovers_to ELSE sender.status END,
            status_reason = CASE WHEN recovers THEN NULL ELSE sender.status_reason END,
            status_changed_at = CASE WHEN recovers THEN :at ELSE sender.status_changed_at END,
            refused_by = CASE WHEN recovers THEN NULL ELSE sender.refused_by END,
            last_error_code = NULL, last_error_text = NULL, last_error_at = NULL
        FROM before WHERE sender.id = before.id
        RETURNING sender.alias, recovers
    ), recovered AS (
        INSERT INTO sender_event (at, alias, what, who, detail)
        SELECT :at, alias, :recovers_to, 'job', 'Gmail took a message' FROM accepted WHERE recovers
    )
    INSERT INTO delivery (id, alias, recipients, subject, message_id, status, attempts,
                          idempotency_key, gmail_id, thread_id, created_at, updated_at, sent_at)
    VALUES (:id, :alias, :recipients, :subject, :message_id, 'sent', :attempts,
            :idempotency_key, :gmail_id, :thread_id, :at, :at, :at)
    ON CONFLICT (id) DO UPDATE
    SET status = 'sent', attempts = excluded.attempts, gmail_id = excluded.gmail_id,
        thread_id = excluded.thread_id, updated_at = excluded.updated_at,
        sent_at = excluded.sent_at, error_code = NULL, error_text = NULL,
        body = NULL, leased_until = NULL
""")

#: Only while the row is this attempt's: what a person has settled meanwhile, because it took too
#: long, stays settled, and what another attempt is sending stays that one's.
_NOT_SENT = text("""
    INSERT INTO delivery (id, alias, recipients, subject, message_id, status, attempts,
                          idempotency_key, thread_id, error_code, error_text, body,
                          created_at, updated_at)
    VALUES (:id, :alias, :recipients, :subject, :message_id, :status, :attempts,
            :idempotency_key, :thread_id, :error_code, :error_text, :body, :at, :at)
    ON CONFLICT (id) DO UPDATE
    SET status = excluded.status, attempts = excluded.attempts, error_code = excluded.error_code,
        error_text = excluded.error_text, body = excluded.body, updated_at = excluded.updated_at
    WHERE delivery.status IN ('sending', 'unknown')
      AND delivery.leased_until IS NOT DISTINCT FROM :leased_until
""")

#: A key whose earlier delivery did not go out is free to be tried again, in the same row. So
#: is one whose claim was this very message's: the database went away before it could say so.
_CLAIM = text("""
    INSERT INTO delivery (id, alias, recipients, subject, message_id, status, attempts,
                          idempotency_key, thread_id, body, leased_until, created_at, updated_at)
    VALUES (:id, :alias, :recipients, :subject, :message_id, 'sending', 0,
            :idempotency_key, :thread_id, :body, :leased_until, :at, :at)
    ON CONFLICT (alias, idempotency_key) DO UPDATE
    SET recipients = excluded.recipients, subject = excluded.subject,
        message_id = excluded.message_id, status = 'sending', thread_id = excluded.thread_id,
        body = excluded.body, leased_until = excluded.leased_until,
        updated_at = excluded.updated_at, error_code = NULL, error_text = NULL
    WHERE delivery.status IN ('failed', 'lapsed')
       OR (delivery.status = 'sending' AND delivery.message_id = excluded.message_id)
    RETURNING id, attempts
""")

_BY_KEY = text("""
    SELECT id, status, gmail_id, thread_id, message_id, recipients, subject, leased_until
    FROM delivery
    WHERE alias = :alias AND idempotency_key = :key
""")

_CUT_OFF = text("""
    UPDATE delivery
    SET status = 'unknown', error_code = 'outcome_unknown', error_text = :reason,
        updated_at = :at
    WHERE status = 'sending' AND leased_until < :at
""")


_RELEASE = text("""
    UPDATE delivery SET status = 'queued', updated_at = :at
    WHERE alias = :alias AND status = 'held'
""")


def record_sent(
    connection: Connection,
    attempted: Attempted,
    accepted: Accepted,
    *,
    sender_id: int,
    generation: int,
) -> None:
    """Record a message that Gmail has taken. Doing it twice changes nothing."""
    connection.execute(
        _SENT,
        {
            **_columns(attempted),
            "gmail_id": accepted.gmail_id,
            "thread_id": accepted.thread_id,
            "sender_id": sender_id,
            "generation": generation,
            "recovers_from": RECOVERS_FROM,
            "recovers_to": RECOVERS_TO.value,
        },
    )


def record_not_sent(
    connection: Connection,
    attempted: Attempted,
    status: DeliveryStatus,
    *,
    error_code: str,
    error_text: str,
    thread_id: str | None,
) -> None:
    """Record a message that did not go out, or may not have.

    The message itself is kept only if a person has yet to decide on it.
    """
    keep = status is DeliveryStatus.UNKNOWN
    connection.execute(
        _NOT_SENT,
        {
            **_columns(attempted),
            "status": status.value,
            "error_code": error_code,
            "error_text": error_text,
            "thread_id": thread_id,
            "leased_until": attempted.leased_until,
            "body": attempted.message.raw if keep else None,
        },
    )


def claim(
    connection: Connection, attempted: Attempted, *, thread_id: str | None, lease: timedelta
) -> Attempted | None:
    """Record the intent to send under an idempotency key.

    Args:
        connection: one on which each statement is its own transaction.
        attempted: what is to be sent.
        thread_id: Gmail's thread to put it in, or None.
        lease: how long this attempt may take; after that it counts as cut off.

    Returns:
        The delivery, which counts earlier failures under the key too; None where the key
        belongs to one that is not to be repeated.
    """
    leased_until = now() + lease + LEASE_MARGIN
    claimed = connection.execute(
        _CLAIM,
        {
            **_columns(attempted),
            "thread_id": thread_id,
            "body": attempted.message.raw,
            "leased_until": leased_until,
        },
    )
    row = claimed.first()
    if row is None:
        return None
    return replace(attempted, id=row.id, attempts=row.attempts, leased_until=leased_until)


def by_key(connection: Connection, alias: str, key: str) -> RowMapping | None:
    """Return what is recorded under an idempotency key."""
    return connection.execute(_BY_KEY, {"alias": alias, "key": key}).mappings().first()


def mark_cut_off(connection: Connection) -> None:
    """Turn deliveries whose process died in mid-send into unknown ones, for a person to settle."""
    reason = (
        "The process that was sending it stopped in the middle. It may or may not have been sent."
    )
    connection.execute(_CUT_OFF, {"at": now(), "reason": reason})


def release_held(connection: Connection, alias: str) -> int:
    """Let go what waited for a sender's re-auth, in the re-auth's own transaction.

    Returns:
        How many deliveries that were.
    """
    return connection.execute(_RELEASE, {"alias": alias, "at": now()}).rowcount


def _columns(attempted: Attempted) -> dict[str, Any]:
    at: datetime = now()
    return {
        "id": attempted.id,
        "alias": attempted.alias,
        "recipients": list(attempted.message.recipients),
        "subject": attempted.message.subject,
        "message_id": attempted.message.message_id,
        "attempts": attempted.attempts,
        "idempotency_key": attempted.idempotency_key,
        "at": at,
    }

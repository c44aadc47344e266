"""The delivery table's writes: what is done to a message is recorded, whatever comes of it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, RowMapping, text

from mailcore.clock import now
from mailcore.google.gmail import Accepted
from mailcore.grants.tokens import SENDER_COLUMNS
from mailcore.message.compose import ComposedMessage
from mailcore.senders.transitions import RECOVERS_FROM, RECOVERS_TO
from mailcore.senders.validation import ALIAS_PATTERN
from mailcore.sending.outgoing import OutgoingMessage
from mailcore.values.deliveries import DeliveryStatus

#: How much longer than its deadline a send may take before it counts as cut off. Leases are
#: written and compared by Postgres' clock alone: hosts disagree.
LEASE_MARGIN = timedelta(seconds=15)


#: One statement, so one round trip: the delivery, the sender's time of last sending, and,
#: where the sender was expired or blocked with this very grant, its recovery with its event.
#: It recovers only from the state that was known before the message went out: a refusal that
#: came meanwhile is newer than this success, however late the answer arrived.
_SENT = text("""
    WITH before AS (
        SELECT id,
               status = ANY(:recovers_from) AND generation = :generation
                   AND status_changed_at = :status_seen AS recovers,
               last_error_at IS NOT DISTINCT FROM CAST(:error_seen AS timestamptz) AS refuted
        FROM sender WHERE id = :sender_id FOR UPDATE
    ), accepted AS (
        UPDATE sender
        SET last_sent_at = :at, updated_at = :at,
            status = CASE WHEN recovers THEN :recovers_to ELSE sender.status END,
            status_reason = CASE WHEN recovers THEN NULL ELSE sender.status_reason END,
            status_changed_at = CASE WHEN recovers THEN :at ELSE sender.status_changed_at END,
            refused_by = CASE WHEN recovers THEN NULL ELSE sender.refused_by END,
            last_error_code = CASE WHEN NOT refuted THEN last_error_code END,
            last_error_text = CASE WHEN NOT refuted THEN last_error_text END,
            last_error_at = CASE WHEN NOT refuted THEN last_error_at END
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
        thread_id = COALESCE(excluded.thread_id, delivery.thread_id),
        updated_at = excluded.updated_at, sent_at = excluded.sent_at,
        error_code = NULL, error_text = NULL, body = NULL, leased_until = NULL
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
            :idempotency_key, :thread_id, :body, now() + :lease, :at, :at)
    ON CONFLICT (alias, idempotency_key) DO UPDATE
    SET recipients = excluded.recipients, subject = excluded.subject,
        message_id = excluded.message_id, status = 'sending', thread_id = excluded.thread_id,
        body = excluded.body, leased_until = excluded.leased_until,
        updated_at = excluded.updated_at, error_code = NULL, error_text = NULL
    WHERE delivery.status IN ('failed', 'lapsed')
       OR (delivery.status = 'sending' AND delivery.message_id = excluded.message_id)
    RETURNING id, attempts, leased_until
""")

#: A sender, and in the same round trip the intent to send through it. Without the message: its
#: bytes would travel twice with every send, only to be there when a process is killed.
_LOAD_WITH_INTENT = text(f"""
    WITH loaded AS (
        SELECT {SENDER_COLUMNS} FROM sender
        WHERE alias = :alias AND generation >= :least_generation
    ), intent AS (
        INSERT INTO delivery (id, alias, recipients, subject, message_id, status, attempts,
                              thread_id, leased_until, created_at, updated_at)
        SELECT :id, alias, :recipients, :subject, :message_id, 'sending', 0,
               :thread_id, now() + :lease, :at, :at
        FROM loaded
        ON CONFLICT (id) DO UPDATE SET leased_until = excluded.leased_until
        RETURNING leased_until
    )
    SELECT * FROM loaded, intent
""")  # noqa: S608 - the columns are ours

_BY_KEY = text("""
    SELECT id, status, gmail_id, thread_id, message_id, recipients, subject,
           status = 'sending' AND leased_until < now() AS cut_off
    FROM delivery
    WHERE alias = :alias AND idempotency_key = :key
""")

_CUT_OFF = text("""
    UPDATE delivery
    SET status = 'unknown', error_code = 'outcome_unknown', error_text = :reason,
        updated_at = :at
    WHERE status = 'sending' AND leased_until < now()
""")


_RELEASE = text("""
    UPDATE delivery SET status = 'queued', updated_at = :at
    WHERE alias = :alias AND status = 'held'
""")


def load_with_intent(
    connection: Connection,
    alias: str,
    delivery_id: UUID,
    message: ComposedMessage,
    *,
    thread_id: str | None,
    timeout: float,
    least_generation: int,
) -> Row[Any] | None:
    """Read a sender, and record the intent to send a message through it.

    Args:
        connection: one on which each statement is its own transaction.
        alias: which sender.
        delivery_id: the id of the row to come. Doing it twice with the same changes nothing.
        message: what is to be sent.
        thread_id: Gmail's thread to put it in, or None.
        timeout: seconds that sending may take; after that it counts as cut off.
        least_generation: 1 passes over a sender that was never authorised.

    Returns:
        The sender's columns and ``leased_until``; None, and nothing is recorded, where there
        is no such sender.
    """
    values = {
        **_columns(alias, delivery_id, message),
        "thread_id": thread_id,
        "lease": lease(timeout),
        "least_generation": least_generation,
    }
    if not ALIAS_PATTERN.fullmatch(alias):  # Postgres would choke on some of what cannot be one
        return None
    return connection.execute(_LOAD_WITH_INTENT, values).first()


def record_sent(connection: Connection, outgoing: OutgoingMessage, accepted: Accepted) -> None:
    """Record a message that Gmail has taken. Doing it twice changes nothing."""
    sender = outgoing.sender
    values = {
        **_columns_of(outgoing),
        "gmail_id": accepted.gmail_id,
        "thread_id": accepted.thread_id,
        "sender_id": sender.id,
        "generation": sender.generation,
        "status_seen": sender.status_changed_at,
        "error_seen": sender.last_error_at,
        "recovers_from": RECOVERS_FROM,
        "recovers_to": RECOVERS_TO.value,
    }
    connection.execute(_SENT, values)


def record_not_sent(
    connection: Connection,
    outgoing: OutgoingMessage,
    status: DeliveryStatus,
    *,
    error_code: str,
    error_text: str,
) -> None:
    """Record a message that did not go out, or may not have.

    The message itself is kept only if a person has yet to decide on it.
    """
    keep = status is DeliveryStatus.UNKNOWN
    values = {
        **_columns_of(outgoing),
        "status": status.value,
        "error_code": error_code,
        "error_text": error_text,
        "thread_id": outgoing.thread_id,
        "leased_until": outgoing.leased_until,
        "body": outgoing.message.raw if keep else None,
    }
    connection.execute(_NOT_SENT, values)


def claim(connection: Connection, outgoing: OutgoingMessage) -> bool:
    """Record the intent to send under an idempotency key.

    The outgoing message takes over the row's id, and its earlier attempts.

    Returns:
        False where the key belongs to a delivery that is not to be repeated.
    """
    values = {
        **_columns_of(outgoing),
        "thread_id": outgoing.thread_id,
        "body": outgoing.message.raw,
        "lease": lease(outgoing.deadline.seconds_left),
    }
    row = connection.execute(_CLAIM, values).first()
    if row is None:
        return False
    outgoing.delivery_id = row.id
    outgoing.attempts = row.attempts
    outgoing.leased_until = row.leased_until
    return True


def lease(timeout: float) -> timedelta:
    """Return for how long a send that may take so many seconds has its row to itself."""
    return timedelta(seconds=timeout) + LEASE_MARGIN


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


def _columns_of(outgoing: OutgoingMessage) -> dict[str, Any]:
    return {
        **_columns(outgoing.alias, outgoing.delivery_id, outgoing.message),
        "attempts": outgoing.attempts,
        "idempotency_key": outgoing.idempotency_key,
    }


def _columns(alias: str, delivery_id: UUID, message: ComposedMessage) -> dict[str, Any]:
    at: datetime = now()
    return {
        "id": delivery_id,
        "alias": alias,
        "recipients": list(message.recipients),
        "subject": message.subject,
        "message_id": message.message_id,
        "at": at,
    }

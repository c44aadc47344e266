"""The intent to send: recorded with the statement that loads the sender, so in one round trip."""

from datetime import timedelta
from typing import Any

from mailcore.clock import now
from mailcore.grants.sender_loading import SENDER_COLUMNS
from mailcore.senders.validation import ALIAS_PATTERN
from mailcore.sending.outgoing import SendRequest
from mailcore.sending.stored_messages import sealed_message
from mailcore.store.connection import Connection
from mailcore.store.encryption import Vault
from mailcore.values.deliveries import DeliveryStatus, IfUnknown

#: How much longer than its deadline a send may take before it counts as cut off. Leases are
#: written and compared by Postgres' clock alone: hosts disagree.
LEASE_MARGIN = timedelta(seconds=15)

#: Without a key. The row is there already if the first answer was lost.
_SAME_ROW = """
    ON CONFLICT (id) DO UPDATE SET updated_at = delivery.updated_at
"""

#: A key whose earlier delivery did not go out is free to be tried again, in the same row. So
#: is one whose claim was this very message's, as its answer was lost; but not once that has
#: ended: a claim that a frozen server carries out late must not open it again.
_SAME_KEY = f"""
    ON CONFLICT (alias, idempotency_key) DO UPDATE
    SET recipients = excluded.recipients, subject = excluded.subject,
        message_id = excluded.message_id, status = excluded.status,
        thread_id = excluded.thread_id, from_name = excluded.from_name, body = excluded.body,
        leased_until = CASE WHEN delivery.message_id = excluded.message_id
                       THEN delivery.leased_until ELSE excluded.leased_until END,
        updated_at = excluded.updated_at, error_code = NULL, error_text = NULL,
        if_unknown = excluded.if_unknown,
        allow_fallback = false, sent_through = NULL,
        send_at = NULL, expires_at = NULL, claimed_by = NULL, tried_since = NULL, held_by = NULL
    WHERE CASE WHEN delivery.message_id = excluded.message_id
          THEN delivery.status = '{DeliveryStatus.SENDING}'
          ELSE delivery.status IN ('{DeliveryStatus.FAILED}', '{DeliveryStatus.LAPSED}')
               OR (delivery.status = '{DeliveryStatus.UNKNOWN}'
                   AND excluded.if_unknown = '{IfUnknown.RESEND}') END
"""  # noqa: S608 - of constants


def _load_with_intent(conflict: str) -> str:
    return f"""
    WITH loaded AS (
        SELECT {SENDER_COLUMNS} FROM sender
        WHERE alias = %(alias)s AND generation >= %(least_generation)s
    ), intent AS (
        INSERT INTO delivery (id, alias, recipients, subject, message_id, status, attempts,
                              idempotency_key, thread_id, from_name, body, if_unknown,
                              leased_until, created_at, updated_at)
        SELECT %(id)s, alias, %(recipients)s, %(subject)s, %(message_id)s,
               '{DeliveryStatus.SENDING}', 0, %(idempotency_key)s, %(thread_id)s, %(from_name)s,
               %(body)s, %(if_unknown)s, now() + %(lease)s, %(at)s, %(at)s
        FROM loaded
        {conflict}
        RETURNING id AS delivery_id, attempts AS attempts, leased_until
    )
    SELECT * FROM loaded LEFT JOIN intent ON true
    """  # noqa: S608 - of constants


_WITHOUT_KEY = _load_with_intent(_SAME_ROW)
_WITH_KEY = _load_with_intent(_SAME_KEY)

#: What this very request may have begun, and has certainly not sent. It may be recorded late:
#: what a person has had sent again since is no longer this request's to speak of. It is counted
#: with its sender, which is locked first.
_NOT_BEGUN = f"""
    WITH known AS (
        SELECT id FROM sender WHERE alias = %(alias)s FOR NO KEY UPDATE
    ), failed AS (
        UPDATE delivery
        SET status = '{DeliveryStatus.FAILED}', error_code = %(error_code)s,
            error_text = %(error_text)s, body = NULL, leased_until = NULL, updated_at = %(at)s
        WHERE (id = %(id)s OR (alias = %(alias)s AND idempotency_key = %(idempotency_key)s))
          AND message_id = %(message_id)s AND updated_at = %(asked_for_at)s
          AND status IN ('{DeliveryStatus.SENDING}', '{DeliveryStatus.UNKNOWN}')
          AND (SELECT count(*) FROM known) >= 0
        RETURNING id
    )
    UPDATE sender SET failed_total = failed_total + 1 FROM failed, known
    WHERE sender.id = known.id
"""  # noqa: S608 - of constants

_BY_KEY = f"""
    SELECT id, status, gmail_id, thread_id, message_id, recipients, subject, send_at,
           status = '{DeliveryStatus.SENDING}' AND leased_until < now() AS cut_off
    FROM delivery
    WHERE alias = %(alias)s AND idempotency_key = %(key)s
"""  # noqa: S608 - of constants


def load_with_intent(
    connection: Connection, request: SendRequest, vault: Vault, *, least_generation: int
) -> Any:
    """Read a sender, and record the intent to send a message through it.

    With a key the message is recorded, too: a person can have it sent again if this process
    dies. So it is where the queue shall do that. Otherwise its bytes would travel twice with every
    send, only for that.

    Args:
        connection: one on which each statement is its own transaction.
        request: what is to be sent. Doing it twice changes nothing.
        vault: seals the message.
        least_generation: 1 passes over a sender that was never authorised.

    Returns:
        The sender's columns, and ``delivery_id``, ``attempts`` and ``leased_until`` of the row;
        those are None where the key belongs to a delivery that is not to be repeated. None,
        and nothing is recorded, where there is no such sender.
    """
    if not ALIAS_PATTERN.fullmatch(request.alias):  # Postgres would choke on some that cannot be
        return None
    key = request.idempotency_key
    keep = key is not None or request.if_unknown is IfUnknown.RESEND
    values = {
        "id": request.delivery_id,
        "alias": request.alias,
        "recipients": list(request.message.recipients),
        "subject": request.message.subject,
        "message_id": request.message.message_id,
        "idempotency_key": key,
        "thread_id": request.thread_id,
        "from_name": request.from_name,
        "body": sealed_message(request, vault) if keep else None,
        "if_unknown": request.if_unknown.value,
        "lease": lease(request.deadline.seconds_left),
        "least_generation": least_generation,
        "at": request.asked_for_at,
    }
    return connection.run(_WITHOUT_KEY if key is None else _WITH_KEY, values).fetchone()


def lease(timeout: float) -> timedelta:
    """Return for how long a send that may take so many seconds has its row to itself."""
    return timedelta(seconds=timeout) + LEASE_MARGIN


def record_not_begun(
    connection: Connection, request: SendRequest, *, error_code: str, error_text: str
) -> None:
    """Record that nothing was handed over, if the intent to do so was recorded."""
    values = {
        "id": request.delivery_id,
        "alias": request.alias,
        "idempotency_key": request.idempotency_key,
        "message_id": request.message.message_id,
        "asked_for_at": request.asked_for_at,
        "error_code": error_code,
        "error_text": error_text,
        "at": now(),
    }
    connection.run(_NOT_BEGUN, values)


def by_key(connection: Connection, alias: str, key: str) -> Any:
    """Return the row that is recorded under an idempotency key, or None."""
    return connection.run(_BY_KEY, {"alias": alias, "key": key}).fetchone()

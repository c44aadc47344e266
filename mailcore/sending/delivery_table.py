"""The delivery table's writes: what came of a message is recorded, whatever it is."""

from typing import Any

from mailcore.errors import OutcomeUnknown
from mailcore.google.error_mapping import CLIENT_REFUSED
from mailcore.google.gmail import Accepted
from mailcore.senders.transitions import confirming, confirming_values
from mailcore.sending.endings import Ending
from mailcore.sending.outgoing import OutgoingMessage
from mailcore.sending.stored_messages import sealed_message
from mailcore.status import Trigger
from mailcore.store.connection import Connection
from mailcore.store.encryption import Vault
from mailcore.values.deliveries import DeliveryStatus, IfUnknown

#: Seconds between two queued messages of a sender that Gmail has asked to slow down: after the
#: first time, and at most.
_SLOW, _SLOWEST = 1.0, 60.0
#: Attempts after which a message is not sent again by itself when its process dies.
_MOST_RESENT = 10
#: In these states the message may still have to be sent.
_KEPT = frozenset({DeliveryStatus.QUEUED, DeliveryStatus.UNKNOWN})

#: One statement, so one round trip: the delivery, and what Gmail's yes says of its sender. That is
#: locked first, as whoever locks both does it: see `outbox.claims`.
#: One that is recorded twice is counted once; one that a person has seen arrive has a lease left.
_SENT = confirming(
    """
        last_sent_at = greatest(last_sent_at, %(asked_at)s),
        sent_total = sent_total + (NOT EXISTS (
            SELECT FROM delivery_before WHERE status = 'sent' AND leased_until IS NULL))::int
    """,
    f"""
    INSERT INTO delivery (id, alias, recipients, subject, message_id, status, attempts,
                          idempotency_key, gmail_id, thread_id, created_at, updated_at, sent_at)
    SELECT %(id)s, %(alias)s, %(recipients)s, %(subject)s, %(message_id)s,
           '{DeliveryStatus.SENT}', %(attempts)s, %(idempotency_key)s, %(gmail_id)s,
           %(thread_id)s, %(at)s, %(at)s, %(at)s
    FROM (SELECT count(*) FROM confirmed) AS sender_first
    ON CONFLICT (id) DO UPDATE
    SET status = excluded.status, attempts = excluded.attempts, gmail_id = excluded.gmail_id,
        thread_id = COALESCE(excluded.thread_id, delivery.thread_id),
        updated_at = excluded.updated_at, sent_at = excluded.sent_at,
        error_code = NULL, error_text = NULL, body = NULL, leased_until = NULL
    """,  # noqa: S608 - of constants
    before="""
    delivery_before AS (
        SELECT status, leased_until FROM delivery
        WHERE id = %(id)s AND EXISTS (SELECT FROM before) FOR UPDATE
    ),""",
)

#: Only while the row is this attempt's: what a person has settled meanwhile, because it took too
#: long, stays settled, and what another attempt is sending stays that one's. A message that is
#: no longer at hand may have been recorded with the intent. It is counted with its sender, which is
#: locked first, unless it stays what it was.
_NOT_SENT = f"""
    WITH known AS (
        SELECT id FROM sender WHERE id = %(sender_id)s FOR NO KEY UPDATE
    ), delivery_before AS (
        SELECT status FROM delivery
        WHERE id = %(id)s AND (SELECT count(*) FROM known) >= 0 FOR UPDATE
    ), recorded AS (
        INSERT INTO delivery (id, alias, recipients, subject, message_id, status, attempts,
                              idempotency_key, thread_id, from_name, error_code, error_text, body,
                              created_at, updated_at)
        SELECT %(id)s, %(alias)s, %(recipients)s, %(subject)s, %(message_id)s,
               %(status)s, %(attempts)s, %(idempotency_key)s, %(thread_id)s, %(from_name)s,
               %(error_code)s, %(error_text)s, %(body)s, %(at)s, %(at)s
        FROM (SELECT count(*) FROM delivery_before) AS locked_first
        ON CONFLICT (id) DO UPDATE
        SET status = excluded.status, attempts = excluded.attempts,
            error_code = excluded.error_code, error_text = excluded.error_text,
            updated_at = excluded.updated_at,
            body = CASE WHEN %(stored)s THEN delivery.body
                   WHEN excluded.status = '{DeliveryStatus.UNKNOWN}'
                   THEN COALESCE(excluded.body, delivery.body) END
        WHERE delivery.status IN ('{DeliveryStatus.SENDING}', '{DeliveryStatus.UNKNOWN}')
          AND delivery.leased_until IS NOT DISTINCT FROM %(leased_until)s
        RETURNING status
    ), counted AS (
        SELECT status FROM recorded
        WHERE %(is_news)s AND status NOT IN (SELECT status FROM delivery_before)
    )
    UPDATE sender
    SET failed_total = failed_total + (counted.status = '{DeliveryStatus.FAILED}')::int,
        unknown_total = unknown_total + (counted.status = '{DeliveryStatus.UNKNOWN}')::int
    FROM counted WHERE sender.id = %(sender_id)s
"""  # noqa: S608 - of constants

#: Into the queue, and its sender's queue waits; or lapsed if it was tried in vain for too long, or
#: discarded if its sender was deleted meanwhile. Under the same condition as above. What an old
#: grant ran into keeps nothing waiting that a re-auth has let go since.
_PUT_BACK = f"""
    WITH known AS (
        SELECT id FROM sender WHERE id = %(sender_id)s FOR NO KEY UPDATE
    ), back AS (
        UPDATE delivery
        SET status = CASE WHEN NOT EXISTS (SELECT FROM known)
                          THEN '{DeliveryStatus.DISCARDED}'
                          WHEN %(in_vain)s AND tried_since + %(give_up_after)s < now()
                          THEN '{DeliveryStatus.LAPSED}' ELSE '{DeliveryStatus.QUEUED}' END,
            attempts = %(attempts)s, error_code = %(error_code)s, error_text = %(error_text)s,
            body = coalesce(body, CAST(%(body)s AS bytea)), send_at = coalesce(send_at, now()),
            tried_since = CASE WHEN %(in_vain)s THEN coalesce(tried_since, now()) END,
            claimed_by = NULL, leased_until = NULL, updated_at = %(at)s
        WHERE id = %(id)s AND status IN ('{DeliveryStatus.SENDING}', '{DeliveryStatus.UNKNOWN}')
          AND leased_until IS NOT DISTINCT FROM %(leased_until)s
        RETURNING status = '{DeliveryStatus.LAPSED}' AS lapsed
    )
    UPDATE sender
    SET next_send_at = CASE WHEN sender.generation = %(generation)s AND %(pause)s > interval '0'
                            THEN greatest(next_send_at, now() + %(pause)s)
                            ELSE next_send_at END,
        send_interval = CASE WHEN sender.generation = %(generation)s AND %(slower)s
                             THEN least(greatest(send_interval * 2, %(slow)s), %(slowest)s)
                             ELSE send_interval END,
        lapsed_total = lapsed_total + lapsed::int
    FROM back WHERE sender.id = %(sender_id)s
                AND (lapsed OR sender.generation = %(generation)s
                               AND (%(slower)s OR %(pause)s > interval '0'))
"""  # noqa: S608 - of constants

#: Of the table ``delivery``. What became of a draft can be found out.
_IS_RESENT = f"""
    (if_unknown = '{IfUnknown.RESEND}' AND body IS NOT NULL AND attempts < {_MOST_RESENT}
     AND NOT EXISTS (SELECT FROM draft WHERE draft.delivery_id = delivery.id
                     AND draft.leased_until = delivery.leased_until))
"""

#: The claim's ``updated_at`` stays: what was cut off may still say that it sent nothing. One that
#: is to be sent again is, unless it may be what its processes die of. Their senders count them, and
#: are locked first, in one order.
_CUT_OFF = f"""
    WITH cut_off AS (
        SELECT id, alias FROM delivery
        WHERE status = '{DeliveryStatus.SENDING}' AND leased_until < now()
    ), known AS (
        SELECT id FROM sender WHERE alias IN (SELECT alias FROM cut_off)
        ORDER BY id FOR NO KEY UPDATE
    ), settled AS (
        UPDATE delivery
        SET status = CASE WHEN {_IS_RESENT}
                          THEN '{DeliveryStatus.QUEUED}' ELSE '{DeliveryStatus.UNKNOWN}' END,
            attempts = attempts + 1,
            error_code = '{OutcomeUnknown.code}',
            error_text = %(reason)s,
            send_at = CASE WHEN {_IS_RESENT}
                           THEN coalesce(send_at, now()) ELSE send_at END
        WHERE id IN (SELECT id FROM cut_off WHERE (SELECT count(*) FROM known) >= 0)
          AND status = '{DeliveryStatus.SENDING}' AND leased_until < now()
        RETURNING alias, status
    )
    UPDATE sender SET unknown_total = unknown_total + counted.number
    FROM (SELECT alias, count(*) AS number FROM settled
          WHERE status = '{DeliveryStatus.UNKNOWN}' GROUP BY alias) AS counted
    WHERE sender.alias = counted.alias
"""  # noqa: S608 - of constants


def record_sent(connection: Connection, outgoing: OutgoingMessage, accepted: Accepted) -> None:
    """Record a message that Gmail has taken. Doing it twice changes nothing."""
    values = {
        **_columns(outgoing),
        **confirming_values(
            Trigger.SEND_ACCEPTED,
            sender_id=outgoing.sender.id,
            generation=outgoing.sender.generation,
            asked_at=outgoing.learned_at,
            why="Gmail took a message",
            # An access token outlives its client by an hour.
            keeps=[CLIENT_REFUSED],
        ),
        "gmail_id": accepted.gmail_id,
        "thread_id": accepted.thread_id,
    }
    connection.run(_SENT, values)


def record_not_sent(
    connection: Connection,
    outgoing: OutgoingMessage,
    ending: Ending,
    *,
    vault: Vault,
    error_code: str,
    error_text: str,
) -> None:
    """Record a message that did not go out, or may not have.

    The message itself is kept if it was queued, is queued now, or a person has yet to decide on
    it. What is recorded late is not queued any more: its caller was told that it was not sent.
    """
    late = not outgoing.stored and not outgoing.message.raw
    if late and ending.status is DeliveryStatus.QUEUED:
        ending = Ending(status=DeliveryStatus.FAILED)
    keep = ending.status in _KEPT and not outgoing.stored
    values = {
        **_columns(outgoing),
        "error_code": error_code,
        "error_text": error_text,
        "leased_until": outgoing.leased_until,
        "body": sealed_message(outgoing.request, vault) if keep else None,
    }
    if ending.status is DeliveryStatus.QUEUED:
        connection.run(_PUT_BACK, {**values, **_waiting(outgoing, ending)})
        return
    values |= {
        "sender_id": outgoing.sender.id,
        "status": ending.status.value,
        "is_news": ending.is_news,
        "thread_id": outgoing.request.thread_id,
        "from_name": outgoing.request.from_name,
        "stored": outgoing.stored,
    }
    connection.run(_NOT_SENT, values)


def mark_cut_off(connection: Connection) -> None:
    """Turn deliveries whose process died in mid-send into unknown ones, for a person to settle."""
    reason = "The process that was sending it stopped midway. It may or may not have been sent."
    connection.run(_CUT_OFF, {"reason": reason})


def _waiting(outgoing: OutgoingMessage, ending: Ending) -> dict[str, object]:
    return {
        "sender_id": outgoing.sender.id,
        "generation": outgoing.sender.generation,
        "pause": ending.pause,
        "slower": ending.slower,
        "slow": _SLOW,
        "slowest": _SLOWEST,
        "in_vain": ending.in_vain,
        "give_up_after": ending.give_up_after,
    }


def _columns(outgoing: OutgoingMessage) -> dict[str, Any]:
    message = outgoing.message
    return {
        "id": outgoing.delivery_id,
        "alias": outgoing.alias,
        "recipients": list(message.recipients),
        "subject": message.subject,
        "message_id": message.message_id,
        "attempts": outgoing.attempts,
        "idempotency_key": outgoing.request.idempotency_key,
        "at": outgoing.sender.postgres_clock.now(),
    }

"""Taking the next message of a sender out of its queue.

The claim is committed before Gmail is called. A unique index admits one claimed message for each
sender, so that whoever drains it, and however many do, its mail goes out one after the other.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, TextClause, text
from sqlalchemy.exc import IntegrityError

from mailcore.clock import Deadline
from mailcore.errors import PalEMailError
from mailcore.grants.sender_loading import SENDER_COLUMNS, SenderReader
from mailcore.senders.holding import FALLS_BACK, RUNS
from mailcore.sending.intent import lease
from mailcore.sending.other_sender import for_other_sender
from mailcore.sending.outgoing import OutgoingMessage
from mailcore.sending.stored_messages import stored_request
from mailcore.store.connection import Connection as DriverConnection
from mailcore.store.encryption import Vault
from mailcore.values.deliveries import IfUnknown

#: Of what Gmail has asked for, so much of the time between two messages is left after each.
_FASTER = 0.95

#: Of the table ``sender``: what its next message goes out with.
_READY = f"""
    SELECT {SENDER_COLUMNS},
           greatest(send_interval,
                    1 / coalesce(messages_per_second, :messages_per_second)) AS pause
    FROM sender
"""  # noqa: S608 - of constants
#: No message of it is being sent from its queue.
_NONE_UNDER_WAY = """
    NOT EXISTS (SELECT FROM delivery WHERE delivery.alias = :alias
                AND delivery.status = 'sending' AND claimed_by IS NOT NULL)
"""


def _taking(*, only: str, sent_through: str) -> str:
    """Return what makes the next message this worker's, and paces the sender that is ready.

    Args:
        only: of the table ``delivery``: which messages may be taken.
        sent_through: through whom it goes out, if that is not its own sender.
    """
    return f"""
        due AS (
            SELECT id FROM delivery
            WHERE alias = :alias AND status = 'queued' AND held_by IS NULL AND {only}
              AND send_at <= now() AND coalesce(expires_at > now(), true)
              AND EXISTS (SELECT FROM ready)
            ORDER BY send_at, created_at LIMIT 1
        ), claimed AS (
            UPDATE delivery
            SET status = 'sending', claimed_by = :name, leased_until = clock_timestamp() + :lease,
                updated_at = now(), sent_through = {sent_through}
            FROM due WHERE delivery.id = due.id AND delivery.status = 'queued'
                       AND delivery.held_by IS NULL AND delivery.send_at <= now()
            RETURNING delivery.id AS delivery_id, recipients, subject, message_id, thread_id,
                      idempotency_key, body, from_name, if_unknown, attempts, leased_until,
                      CAST(coalesce(extract(epoch FROM now() - tried_since), 0)
                           AS double precision) AS tried_for
        ), paced AS (
            UPDATE sender
            SET next_send_at = now() + ready.pause * interval '1 second',
                send_interval = CASE WHEN send_interval < 0.05 THEN 0
                                     ELSE send_interval * :faster END
            FROM ready, claimed WHERE sender.id = ready.id AND ready.pause > 0
        )
    """  # noqa: S608 - of constants


#: The sender, and its next message, which is now this worker's: one statement, one round trip.
#: Its cost does not depend on what else is in the table: see the index ``delivery_queue``.
#:
#: The sender comes first, as whoever deletes it locks it first, too. What was decided while this
#: waited for a lock counts: a locked row's conditions are looked at again, as it is then.
_CLAIM = text(f"""
    WITH ready AS (
        {_READY} WHERE alias = :alias AND {RUNS} AND coalesce(next_send_at <= now(), true)
                   AND {_NONE_UNDER_WAY}
        FOR NO KEY UPDATE
    ), {_taking(only="true", sent_through="NULL")}
    SELECT * FROM ready, claimed
""")  # noqa: S608 - of constants

#: The same for mail whose own sender has not been able to send for a while: the other one is read
#: with its grant. Whoever works on that at this moment comes first.
_CLAIM_FOR_OTHER = text(f"""
    WITH waiting AS (
        SELECT fallback_alias, gmail_account FROM sender
        WHERE alias = :alias AND {FALLS_BACK.format(table="sender")} AND {_NONE_UNDER_WAY}
        FOR NO KEY UPDATE
    ), ready AS (
        {_READY} WHERE alias = (SELECT fallback_alias FROM waiting) AND alias <> :alias
                   AND {RUNS} AND coalesce(next_send_at <= now(), true)
        FOR NO KEY UPDATE SKIP LOCKED
    ), {_taking(only="allow_fallback", sent_through="(SELECT alias FROM ready)")}
    SELECT ready.*, claimed.*, waiting.gmail_account AS own_account FROM ready, claimed, waiting
""")  # noqa: S608 - of constants

#: Back into the queue, as if it had never been claimed; its sender's queue waits, if it has to.
_GIVE_BACK = """
    WITH back AS (
        UPDATE delivery
        SET status = 'queued', claimed_by = NULL, leased_until = NULL, updated_at = now(),
            error_code = coalesce(%(error_code)s::text, error_code),
            error_text = coalesce(%(error_text)s::text, error_text)
        WHERE status = 'sending' AND claimed_by = %(name)s
        RETURNING alias
    ), paced AS (
        UPDATE sender SET next_send_at = greatest(next_send_at, now() + %(pause)s)
        FROM back WHERE sender.alias = back.alias AND %(pause)s > interval '0'
    )
    SELECT alias FROM back
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is this worker's to send.

    Attributes:
        outgoing: ready for Gmail but for From.
        if_unknown: what is done with it where nobody can tell whether Gmail has it.
        tried_for: for how many seconds it has been tried in vain.
    """

    outgoing: OutgoingMessage
    if_unknown: IfUnknown
    tried_for: float


def claim(
    connection: Connection, alias: str, name: str, *, timeout: float, limits: dict[str, object]
) -> Row[Any] | None:
    """Claim the next message of a sender.

    Args:
        connection: one on which each statement is its own transaction.
        alias: the sender.
        name: of this claim; no other one has it.
        timeout: seconds that sending it may take.
        limits: the deployment's, as returned by `senders.holding.limits`, and its
            ``messages_per_second``.

    Returns:
        The sender and the message, for `opened`; None where none is due, its sender cannot send,
        or another worker is sending one of the same sender.
    """
    return _claimed(connection, _CLAIM, alias, name, timeout=timeout, limits=limits)


def claim_for_other(
    connection: Connection, alias: str, name: str, *, timeout: float, limits: dict[str, object]
) -> Row[Any] | None:
    """Claim the next message of a sender that may go out through its fallback, if it has to.

    Args:
        connection: as for `claim`.
        alias: as for `claim`.
        name: as for `claim`.
        timeout: as for `claim`.
        limits: as for `claim`.

    Returns:
        The other sender and the message, for `opened`; or None.
    """
    return _claimed(connection, _CLAIM_FOR_OTHER, alias, name, timeout=timeout, limits=limits)


def _claimed(
    connection: Connection,
    statement: TextClause,
    alias: str,
    name: str,
    *,
    timeout: float,
    limits: dict[str, object],
) -> Row[Any] | None:
    values = {"alias": alias, "name": name, "lease": lease(timeout), "faster": _FASTER, **limits}
    try:
        return connection.execute(statement, values).first()
    except IntegrityError:  # the unique index: another worker's claim came first
        return None


def opened(
    row: Row[Any], alias: str, deadline: Deadline, senders: SenderReader, vault: Vault
) -> Claimed:
    """Return what a claim has read, ready to be sent.

    Args:
        row: as `claim` or `claim_for_other` returns it.
        alias: whose message it is.
        deadline: when sending it must be over.
        senders: opens the sender's grant.
        vault: opens the message.

    Raises:
        ConfigurationError: the grant or the message cannot be opened.
        DatabaseUnavailable: Postgres had to be asked for that, and cannot be reached.
    """
    request = stored_request(row, vault, deadline, alias=alias)
    if row.alias != alias:
        request.message = for_other_sender(request.message, account=row.own_account)
    outgoing = OutgoingMessage(
        request=request,
        sender=senders.from_row(row),
        delivery_id=row.delivery_id,
        leased_until=row.leased_until,
        attempts=row.attempts,
        stored=True,
        tries_once=True,
    )
    return Claimed(outgoing, IfUnknown(row.if_unknown), row.tried_for)


def give_back(
    connection: DriverConnection,
    name: str,
    *,
    because: PalEMailError | None = None,
    pause: timedelta = timedelta(),
) -> bool:
    """Put a claimed message back that was certainly not handed over.

    Args:
        connection: one on which each statement is its own transaction.
        name: of the claim.
        because: what kept it from being sent, if anything did.
        pause: for how long its sender's queue waits.

    Returns:
        Whether there was such a claim.
    """
    values = {
        "name": name,
        "error_code": because and because.code,
        "error_text": because and because.message,
        "pause": pause,
    }
    return connection.run(_GIVE_BACK, values).fetchone() is not None

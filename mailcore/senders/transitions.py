"""Applying the state machine to rows: compare-and-set, and its event, in one statement."""

from sqlalchemy import Connection, text

from mailcore.clock import now
from mailcore.google.error_mapping import record_code
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.status import MOVES, SenderEventKind, SenderStatus

#: Which refusals move a sender. Whatever is not here moves nobody.
REFUSALS = {
    FailureKind.GRANT: SenderEventKind.GRANT_REFUSED,
    FailureKind.ACCOUNT: SenderEventKind.ACCOUNT_REFUSED,
}

_MOVE = text("""
    WITH moved AS (
        UPDATE sender
        SET status = :target, status_reason = :reason, status_changed_at = :at, updated_at = :at
        WHERE id = :id AND generation = :generation AND status = ANY(:sources)
        RETURNING alias
    )
    INSERT INTO sender_event (at, alias, what, who, detail)
    SELECT :at, alias, :target, :who, :reason FROM moved
""")

_NOTE_ERROR = text("""
    UPDATE sender
    SET last_error_code = :code, last_error_text = :reason, last_error_at = :at, updated_at = :at
    WHERE id = :id AND generation = :generation
""")


def record_refusal(
    connection: Connection,
    failure: GoogleFailure,
    *,
    sender_id: int,
    generation: int,
    reason: str,
    who: str,
) -> None:
    """Note what Google refused, and move the sender if its grant or account is at fault.

    Nothing changes if the sender is gone, or was re-authorised since the attempt began.

    Args:
        connection: of the running transaction.
        failure: what happened.
        sender_id: the sender's row.
        generation: of the grant that the attempt used.
        reason: the failure in words, with what to do next.
        who: who attempted.
    """
    values = {
        "id": sender_id,
        "generation": generation,
        "reason": reason,
        "at": now(),
    }
    connection.execute(_NOTE_ERROR, {**values, "code": record_code(failure)})
    if failure.kind in REFUSALS:
        move = MOVES[REFUSALS[failure.kind]]
        sources = [status.value for status in move.sources]
        connection.execute(
            _MOVE, {**values, "target": move.target.value, "sources": sources, "who": who}
        )


#: The states out of which an accepted send brings a sender.
RECOVERS_FROM = [status.value for status in MOVES[SenderEventKind.SEND_ACCEPTED].sources]
RECOVERS_TO: SenderStatus = MOVES[SenderEventKind.SEND_ACCEPTED].target
AUTHORIZES_TO: SenderStatus = MOVES[SenderEventKind.GRANT_STORED].target

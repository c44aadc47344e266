"""Applying the state machine to rows: compare-and-set, and its event, in one statement."""

from typing import Any

from sqlalchemy import Connection, text

from mailcore.clock import now
from mailcore.google.error_mapping import SAID_BY_GMAIL, record_code
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.status import TRANSITIONS, RefusedBy, SenderStatus, Trigger

#: Which refusals change a sender's status. Whatever is not here changes none.
REFUSALS = {
    FailureKind.GRANT: Trigger.GRANT_REFUSED,
    FailureKind.ACCOUNT: Trigger.ACCOUNT_REFUSED,
}

_REFUSE = text("""
    WITH refused AS (
        UPDATE sender
        SET status = :target, status_reason = :reason, refused_by = :refused_by,
            status_changed_at = :at, updated_at = :at
        WHERE id = :id AND generation = :generation AND status = ANY(:sources)
        RETURNING alias
    )
    INSERT INTO sender_event (at, alias, what, who, detail)
    SELECT :at, alias, :target, :who, :reason FROM refused
""")

_NOTE_ERROR = text("""
    UPDATE sender
    SET last_error_code = :code, last_error_text = :reason, last_error_at = :at, updated_at = :at
    WHERE id = :id AND generation = :generation
""")

#: One statement, so one round trip: the new access token and, where the token endpoint itself
#: had refused this very grant, the recovery with its event.
_RENEWED = text("""
    WITH before AS (
        SELECT id, status = ANY(:sources) AND refused_by = :refutes AS recovers,
               last_error_code = ANY(:kept) OR coalesce(refused_by <> :refutes, false) AS keeps
        FROM sender WHERE id = :id AND generation = :generation FOR UPDATE
    ), saved AS (
        UPDATE sender
        SET token_json = :token_json, last_refreshed_at = :at, updated_at = :at,
            status = CASE WHEN recovers THEN :target ELSE sender.status END,
            status_reason = CASE WHEN recovers THEN NULL ELSE sender.status_reason END,
            status_changed_at = CASE WHEN recovers THEN :at ELSE sender.status_changed_at END,
            refused_by = CASE WHEN recovers THEN NULL ELSE sender.refused_by END,
            last_error_code = CASE WHEN keeps THEN last_error_code END,
            last_error_text = CASE WHEN keeps THEN last_error_text END,
            last_error_at = CASE WHEN keeps THEN last_error_at END
        FROM before WHERE sender.id = before.id
        RETURNING sender.alias, sender.status, recovers
    ), recovered AS (
        INSERT INTO sender_event (at, alias, what, who, detail)
        SELECT :at, alias, :target, 'job', 'Google renewed the grant' FROM saved WHERE recovers
    )
    SELECT status FROM saved
""")


def record_refusal(
    connection: Connection,
    failure: GoogleFailure,
    *,
    sender_id: int,
    generation: int,
    reason: str,
    who: str,
    refused_by: RefusedBy,
) -> None:
    """Note what Google refused, and change the status if the grant or account is at fault.

    Nothing changes if the sender is gone, or was re-authorised since the attempt began.

    Args:
        connection: of the running transaction.
        failure: what happened.
        sender_id: the sender's row.
        generation: of the grant that the attempt used.
        reason: the failure in words.
        who: who attempted.
        refused_by: where it happened.
    """
    values: dict[str, Any] = {
        "id": sender_id,
        "generation": generation,
        "reason": reason,
        "at": now(),
    }
    connection.execute(_NOTE_ERROR, {**values, "code": record_code(failure)})
    if failure.kind in REFUSALS:
        refusal = {**_columns(REFUSALS[failure.kind]), "who": who, "refused_by": refused_by.value}
        connection.execute(_REFUSE, {**values, **refusal})


def record_renewal(
    connection: Connection, *, sender_id: int, generation: int, token_json: str
) -> SenderStatus | None:
    """Store a renewed grant, which refutes what the token endpoint has said against it.

    Args:
        connection: of the running transaction.
        sender_id: the sender's row.
        generation: of the grant that was renewed.
        token_json: the renewed grant, as it is stored.

    Returns:
        The sender's status now; None where nothing was stored, as the sender is gone or was
        re-authorised since.
    """
    values = {
        **_columns(Trigger.GRANT_RENEWED),
        "id": sender_id,
        "generation": generation,
        "token_json": token_json,
        "at": now(),
        "refutes": RefusedBy.TOKEN_ENDPOINT.value,
        "kept": list(SAID_BY_GMAIL),
    }
    status = connection.execute(_RENEWED, values).scalar()
    return status and SenderStatus(status)


def _columns(trigger: Trigger) -> dict[str, Any]:
    transition = TRANSITIONS[trigger]
    return {
        "sources": [status.value for status in transition.sources],
        "target": transition.target.value,
    }


#: The states out of which an accepted send brings a sender.
RECOVERS_FROM = [status.value for status in TRANSITIONS[Trigger.SEND_ACCEPTED].sources]
RECOVERS_TO: SenderStatus = TRANSITIONS[Trigger.SEND_ACCEPTED].target
AUTHORIZES_TO: SenderStatus = TRANSITIONS[Trigger.GRANT_STORED].target

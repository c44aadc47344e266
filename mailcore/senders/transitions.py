"""Applying the state machine to rows: compare-and-set, and its event, in one statement.

Requests to Google overlap, and what comes of them is recorded in any order. So each is recorded
with the moment at which it went out, by Postgres' clock, and the later request has the last word.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from mailcore.clock import now
from mailcore.google.error_mapping import (
    CLIENT_REFUSED,
    PASSING,
    SAID_BY_GMAIL,
    SAID_OF_PROJECT,
    record_code,
)
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.status import TRANSITIONS, RefusedBy, SenderStatus, Trigger
from mailcore.store.connection import Connection
from mailcore.values.senders import JOB

#: Which refusals change a sender's status. Whatever is not here changes none.
REFUSALS = {
    FailureKind.GRANT: Trigger.GRANT_REFUSED,
    FailureKind.ACCOUNT: Trigger.ACCOUNT_REFUSED,
}

#: Of the same grant, and no message was accepted, nor access renewed where that was refused,
#: whose request went out later. A re-auth notes its renewal by its host's clock: one that is
#: still to come proves nothing.
_NOT_REFUTED = f"""
    id = %(id)s AND generation = %(generation)s AND coalesce(last_sent_at < %(asked_at)s, true)
    AND (%(refused_by)s <> '{RefusedBy.TOKEN_ENDPOINT}'
         OR coalesce(last_refreshed_at < %(asked_at)s OR last_refreshed_at > now(), true))
"""

#: With it, its event and its alert.
_REFUSE = f"""
    WITH before AS (
        SELECT id, status = ANY(%(sources)s) AND coalesce(refused_at <= %(asked_at)s, true) AS moves
        FROM sender WHERE {_NOT_REFUTED} AND (status = ANY(%(sources)s) OR status = %(target)s)
        FOR UPDATE
    ), refused AS (
        UPDATE sender
        SET refused_at = greatest(refused_at, %(asked_at)s), updated_at = %(at)s,
            status = CASE WHEN moves THEN %(target)s ELSE sender.status END,
            status_reason = CASE WHEN moves THEN %(reason)s ELSE sender.status_reason END,
            status_changed_at = CASE WHEN moves THEN %(at)s ELSE sender.status_changed_at END,
            refused_by = CASE WHEN moves THEN %(refused_by)s ELSE sender.refused_by END
        FROM before WHERE sender.id = before.id
        RETURNING alias, project, generation, moves
    ), alerted AS (
        INSERT INTO alert (kind, subject, alias, project, generation, detail, raised_at)
        SELECT %(target)s, alias, alias, project, generation, %(reason)s, now()
        FROM refused WHERE moves ON CONFLICT DO NOTHING
    )
    INSERT INTO sender_event (at, alias, what, who, detail)
    SELECT %(at)s, alias, %(target)s, %(who)s, %(reason)s FROM refused WHERE moves
"""  # noqa: S608 - of constants

#: A problem of the client or the project is not forgotten over a lost connection. And a renewal
#: that did not succeed is counted for the metrics, once, refuted or not.
_NOTE_ERROR = f"""
    WITH before AS (
        SELECT id,
               {_NOT_REFUTED} AND coalesce(last_error_at <= %(asked_at)s, true)
                   AND NOT (%(passes)s AND coalesce(last_error_code = ANY(%(problems)s), false))
                   AS notes,
               coalesce(last_error_at <> %(asked_at)s, true) AS is_new
        FROM sender WHERE id = %(id)s FOR UPDATE
    )
    UPDATE sender
    SET last_error_code = CASE WHEN notes THEN %(code)s ELSE last_error_code END,
        last_error_text = CASE WHEN notes THEN %(reason)s ELSE last_error_text END,
        last_error_at = CASE WHEN notes THEN %(asked_at)s ELSE last_error_at END,
        updated_at = CASE WHEN notes THEN %(at)s ELSE updated_at END,
        renewal_refused_total = renewal_refused_total + (is_new AND %(renewal_refused)s)::int,
        renewal_failed_total = renewal_failed_total + (is_new AND %(renewal_failed)s)::int
    FROM before
    WHERE sender.id = before.id
      AND (notes OR is_new AND (%(renewal_refused)s OR %(renewal_failed)s))
"""  # noqa: S608 - of constants


def confirming(changes: str, then: str, *, only_if: str = "true", before: str = "") -> str:
    """Return a statement that records what Google said yes to, in one round trip.

    It clears what the yes refutes, and brings a sender back that was refused for this very grant
    by a request that went out before, with its event. `confirming_values` has its parameters.

    Args:
        changes: what else to set in the sender's row.
        then: how the statement goes on; its ``confirmed`` has the sender's alias and status.
        only_if: a condition on that row.
        before: further common table expressions, for `changes`; they find that row locked if they
            read ``before``.
    """
    return f"""
    WITH before AS (
        SELECT id,
               status = ANY(%(sources)s) AND generation = %(generation)s
                   AND coalesce(refused_by, '{RefusedBy.GMAIL}') = ANY(%(refutes)s)
                   AND coalesce(refused_at < %(asked_at)s, true) AS recovers,
               coalesce(last_error_at < %(asked_at)s, true)
                   AND NOT coalesce(last_error_code = ANY(%(kept)s), false)
                   AND coalesce(refused_by = ANY(%(refutes)s), true) AS clears
        FROM sender WHERE id = %(sender_id)s AND {only_if} FOR UPDATE
    ), {before} confirmed AS (
        UPDATE sender
        SET {changes}, updated_at = %(at)s,
            status = CASE WHEN recovers THEN %(target)s ELSE sender.status END,
            status_reason = CASE WHEN recovers THEN NULL ELSE sender.status_reason END,
            status_changed_at = CASE WHEN recovers THEN %(at)s ELSE sender.status_changed_at END,
            refused_by = CASE WHEN recovers THEN NULL ELSE sender.refused_by END,
            refused_at = CASE WHEN recovers THEN NULL ELSE sender.refused_at END,
            last_error_code = CASE WHEN clears THEN NULL ELSE last_error_code END,
            last_error_text = CASE WHEN clears THEN NULL ELSE last_error_text END,
            last_error_at = CASE WHEN clears THEN NULL ELSE last_error_at END
        FROM before WHERE sender.id = before.id
        RETURNING sender.alias, sender.status, recovers
    ), recovered AS (
        INSERT INTO sender_event (at, alias, what, who, detail)
        SELECT %(at)s, alias, %(target)s, %(who)s, %(why)s FROM confirmed WHERE recovers
    )
    {then}
    """  # noqa: S608 - of constants


def confirming_values(
    trigger: Trigger,
    *,
    sender_id: int,
    generation: int,
    asked_at: datetime,
    why: str,
    refutes: Collection[RefusedBy] = tuple(RefusedBy),
    keeps: Collection[str] = (),
) -> dict[str, Any]:
    """Return the parameters of `confirming`, ``at`` being the caller's.

    Args:
        trigger: what Google said yes to.
        sender_id: the sender's row.
        generation: of the grant that was used.
        asked_at: when the request went out, by Postgres' clock.
        why: the event's detail.
        refutes: whose refusals this clears.
        keeps: the recorded errors of which this says nothing.
    """
    return {
        **_columns(trigger),
        "sender_id": sender_id,
        "generation": generation,
        "asked_at": asked_at,
        "who": JOB,
        "why": why,
        "refutes": [each.value for each in refutes],
        "kept": list(keeps),
    }


_RENEWED = confirming(
    """
        token_json = %(token_json)s, last_refreshed_at = greatest(last_refreshed_at, %(asked_at)s),
        renewed_total = renewed_total + (last_refreshed_at IS DISTINCT FROM %(asked_at)s)::int
    """,
    "SELECT status FROM confirmed",
    only_if="generation = %(generation)s",
)


def record_renewal(
    connection: Connection,
    *,
    sender_id: int,
    generation: int,
    asked_at: datetime,
    token_json: str,
) -> SenderStatus | None:
    """Store a renewed grant, which refutes what the token endpoint has said against it.

    Args:
        connection: of the running transaction.
        sender_id: the sender's row.
        generation: of the grant that was renewed.
        asked_at: when the request went out, by Postgres' clock.
        token_json: the renewed grant, as it is stored.

    Returns:
        The sender's status now; None where nothing was stored, as the sender is gone or was
        re-authorised since.
    """
    values = confirming_values(
        Trigger.GRANT_RENEWED,
        sender_id=sender_id,
        generation=generation,
        asked_at=asked_at,
        why="Google renewed the grant",
        refutes=[RefusedBy.TOKEN_ENDPOINT],
        keeps=SAID_BY_GMAIL,
    )
    values |= {"token_json": token_json, "at": now()}
    row = connection.run(_RENEWED, values).fetchone()
    return row and SenderStatus(row.status)


def record_refusal(
    connection: Connection,
    failure: GoogleFailure,
    *,
    sender_id: int,
    generation: int,
    asked_at: datetime,
    reason: str,
    refused_by: RefusedBy,
) -> None:
    """Note what Google refused, and change the status if the grant or account is at fault.

    A renewal that did not succeed is counted.

    Nothing changes if the sender is gone, was re-authorised since the attempt began, or has had
    a message accepted, or its access renewed after a refused renewal, that went out later.

    Args:
        connection: of the running transaction.
        failure: what happened.
        sender_id: the sender's row.
        generation: of the grant that the attempt used.
        asked_at: when the request went out, by Postgres' clock.
        reason: the failure in words.
        refused_by: where it happened.
    """
    values: dict[str, Any] = {
        "id": sender_id,
        "generation": generation,
        "asked_at": asked_at,
        "reason": reason,
        "refused_by": refused_by.value,
        "at": now(),
    }
    code = record_code(failure, refused_by)
    is_renewal, is_refused = refused_by is RefusedBy.TOKEN_ENDPOINT, failure.kind in REFUSALS
    noted = {
        "code": code,
        "passes": code in PASSING,
        "problems": [CLIENT_REFUSED, *SAID_OF_PROJECT],
        "renewal_refused": is_renewal and is_refused,
        "renewal_failed": is_renewal and not is_refused,
    }
    connection.run(_NOTE_ERROR, values | noted)
    if is_refused:
        connection.run(_REFUSE, {**values, **_columns(REFUSALS[failure.kind]), "who": JOB})


def _columns(trigger: Trigger) -> dict[str, Any]:
    transition = TRANSITIONS[trigger]
    return {
        "sources": [status.value for status in transition.sources],
        "target": transition.target.value,
    }

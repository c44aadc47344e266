"""Re-auths under way: what a link stands for, used up once, and what became of it."""

import hashlib
from datetime import timedelta

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from mailcore.clock import now
from mailcore.errors import (
    AuthorizationError,
    LinkExpired,
    LinkInvalid,
    LinkUsed,
    PalEMailError,
    SenderNotFound,
)
from mailcore.senders.events import event
from mailcore.store.database import Database, changed_rows
from mailcore.store.models import AuthorizationRequestRow, ReauthTicketRow
from mailcore.values.reauth import AuthorizationOutcome
from mailcore.values.senders import AuditEvent

#: How long a link to Google works.
LINK_LIFETIME = timedelta(minutes=10)
#: How long a link that ran out is told apart from one that was never made.
_REMEMBERED = timedelta(days=30)
#: A callback that stored no outcome within this time was cut off.
_CUT_OFF_AFTER = timedelta(minutes=1)
_CUT_OFF = "The answer from Google was not taken in to the end. Start the re-auth again."


def hashed(secret: str) -> str:
    """Return what is stored of a state or a ticket, in hex: of 256 random bits, SHA-256 will do."""
    return hashlib.sha256(secret.encode()).hexdigest()


def consume(database: Database, state: str | None) -> AuthorizationRequestRow:
    """Find the request by its state and use it up: of two callbacks, one gets it.

    Raises:
        LinkInvalid: nobody was given that state.
        LinkExpired: it was not followed in time.
        LinkUsed: it was answered before.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    with database.session() as session:
        request = session.exec(
            select(AuthorizationRequestRow).where(
                AuthorizationRequestRow.state_hash == hashed(state or "")
            )
        ).first()
        if request is None:
            raise LinkInvalid(
                "This link was not made here, or its sender was deleted. Start the re-auth "
                "from the senders page."
            )
        if request.expires_at <= now():
            raise _about(
                request,
                LinkExpired(
                    f"The link for sender {request.alias!r} was good for ten minutes. Start "
                    "the re-auth again.",
                    alias=request.alias,
                ),
            )
        consumed = changed_rows(
            session,
            update(AuthorizationRequestRow)
            .where(
                col(AuthorizationRequestRow.id) == request.id,
                col(AuthorizationRequestRow.consumed_at).is_(None),
            )
            .values(consumed_at=now()),
        )
        if consumed != 1:
            raise _about(
                request,
                LinkUsed(
                    f"The link for sender {request.alias!r} was used already. If it is not "
                    "healthy now, start the re-auth again.",
                    alias=request.alias,
                ),
            )
        return request


def forget_old(session: Session) -> None:
    """Delete what ran out long ago: its links answer as ones that were never made."""
    for table in (AuthorizationRequestRow, ReauthTicketRow):
        session.execute(delete(table).where(col(table.expires_at) < now() - _REMEMBERED))


def finish(session: Session, request: AuthorizationRequestRow) -> None:
    """Mark a re-auth as done, in the transaction that stores its grant."""
    session.execute(
        update(AuthorizationRequestRow)
        .where(col(AuthorizationRequestRow.id) == request.id)
        .values(outcome=AuthorizationOutcome.DONE)
    )


def refuse(database: Database, request: AuthorizationRequestRow, exc: PalEMailError) -> None:
    """Keep why a re-auth was refused, for the page that began it and for the audit trail."""
    with database.session() as session:
        session.execute(
            update(AuthorizationRequestRow)
            .where(col(AuthorizationRequestRow.id) == request.id)
            .values(
                outcome=AuthorizationOutcome.REFUSED,
                refusal_code=exc.code,
                refusal_text=str(exc),
            )
        )
        if not isinstance(exc, SenderNotFound):
            detail = f"{exc.code}: {exc}"
            session.add(
                event(
                    request.alias,
                    AuditEvent.REAUTH_REFUSED,
                    who=request.requested_by,
                    detail=detail,
                )
            )


def refused_lately(session: Session, by: str) -> set[str]:
    """Return the senders whose re-auth, begun by this person, was refused just now."""
    return set(
        session.exec(
            select(AuthorizationRequestRow.alias).where(
                AuthorizationRequestRow.requested_by == by,
                AuthorizationRequestRow.outcome == AuthorizationOutcome.REFUSED,
                AuthorizationRequestRow.created_at > now() - LINK_LIFETIME,
            )
        )
    )


def outcome_of(
    request: AuthorizationRequestRow,
) -> tuple[AuthorizationOutcome, str | None, str | None]:
    """Return how far a re-auth has come, and a refusal's code and words."""
    if request.outcome is not AuthorizationOutcome.WAITING:
        return request.outcome, request.refusal_code, request.refusal_text
    if request.consumed_at is not None and request.consumed_at < now() - _CUT_OFF_AFTER:
        return AuthorizationOutcome.REFUSED, "cut_off", _CUT_OFF
    if request.consumed_at is None and request.expires_at <= now():
        return AuthorizationOutcome.EXPIRED, LinkExpired.code, "The link ran out unused."
    return AuthorizationOutcome.WAITING, None, None


def _about(request: AuthorizationRequestRow, exc: AuthorizationError) -> AuthorizationError:
    exc.authorization_id = str(request.id)
    return exc

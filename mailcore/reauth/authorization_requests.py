"""Re-auths under way: what a link stands for, used up once, and what became of it."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from mailcore.clock import now
from mailcore.errors import (
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
#: How often a refused re-auth can be begun again from its own page.
MAX_RETRIES = 3
#: How long a link that ran out is told apart from one that was never made.
_REMEMBERED = timedelta(days=30)


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
                "This link was not made here, or its sender was deleted.",
                remedy="Start the re-auth from the senders page.",
            )
        about: Any = {"alias": request.alias, "authorization_id": str(request.id)}
        if request.outcome is AuthorizationOutcome.EXPIRED:
            raise LinkUsed(superseded(request.alias), **about)
        if request.expires_at <= now():
            raise LinkExpired(
                f"The link for sender {request.alias!r} has expired: it works for ten minutes.",
                remedy="Start the re-auth again.",
                **about,
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
            raise LinkUsed(
                f"The link for sender {request.alias!r} has already been used.",
                remedy="If the sender is not healthy now, start the re-auth again.",
                **about,
            )
        return request


def superseded(alias: str) -> str:
    """Say that another link has done what this one was for."""
    return f"Sender {alias!r} was re-authorised through another link; this one is no longer needed."


def forget_old(session: Session) -> None:
    """Delete what ran out long ago: its links answer as ones that were never made."""
    for table in (AuthorizationRequestRow, ReauthTicketRow):
        session.execute(delete(table).where(col(table.expires_at) < now() - _REMEMBERED))


def finish(session: Session, request: AuthorizationRequestRow) -> None:
    """Mark a re-auth as done, in the transaction that stores its grant.

    It ends every other open link and ticket of the sender: none is needed any more.
    """
    mark_done(session, request)
    session.execute(
        update(AuthorizationRequestRow)
        .where(
            col(AuthorizationRequestRow.alias) == request.alias,
            col(AuthorizationRequestRow.consumed_at).is_(None),
        )
        .values(
            consumed_at=now(),
            outcome=AuthorizationOutcome.EXPIRED,
            refusal_code=LinkUsed.code,
            refusal_text=superseded(request.alias),
        )
    )
    session.execute(
        update(ReauthTicketRow)
        .where(col(ReauthTicketRow.alias) == request.alias, col(ReauthTicketRow.used_at).is_(None))
        .values(used_at=now())
    )


def mark_done(session: Session, request: AuthorizationRequestRow) -> None:
    """Mark a re-auth as done, and leave other links alone."""
    session.execute(
        update(AuthorizationRequestRow)
        .where(col(AuthorizationRequestRow.id) == request.id)
        .values(outcome=AuthorizationOutcome.DONE)
    )


def end_ticket(session: Session, ticket_id: int | None) -> None:
    """End the ticket that a re-auth came from, if it came from one."""
    session.execute(
        update(ReauthTicketRow).where(col(ReauthTicketRow.id) == ticket_id).values(used_at=now())
    )


def check_may_begin_again(session: Session, request: AuthorizationRequestRow) -> None:
    """A refused re-auth offers a few fresh links, while one is needed.

    Raises:
        LinkUsed: it was offered too often, or another link has re-authorised the sender.
        LinkExpired: the ticket that it came from has expired.
    """
    done = session.exec(
        select(AuthorizationRequestRow.id).where(
            AuthorizationRequestRow.alias == request.alias,
            AuthorizationRequestRow.outcome == AuthorizationOutcome.DONE,
            col(AuthorizationRequestRow.consumed_at) >= request.created_at,
        )
    ).first()
    if done is not None:
        raise LinkUsed(superseded(request.alias), alias=request.alias)
    if request.outcome is not AuthorizationOutcome.REFUSED or request.retries >= MAX_RETRIES:
        raise LinkUsed(
            f"The re-auth of sender {request.alias!r} cannot be started again from here.",
            remedy="Start a new one from the senders page, or ask the admin for a new link.",
            alias=request.alias,
        )
    if request.ticket_id is not None and ticket_end(session, request.ticket_id) <= now():
        raise LinkExpired(
            f"The link for sender {request.alias!r} has expired.",
            remedy="Ask the admin for a new one.",
            alias=request.alias,
        )


def ticket_end(session: Session, ticket_id: int) -> datetime:
    """Return when a ticket expires; in the past where it is no more."""
    ticket = session.get(ReauthTicketRow, ticket_id)
    return now() if ticket is None else ticket.expires_at


def refuse(database: Database, request: AuthorizationRequestRow, exc: PalEMailError) -> None:
    """Keep why a re-auth was refused, for the page that began it and for the audit trail."""
    with database.session() as session:
        session.execute(
            update(AuthorizationRequestRow)
            .where(col(AuthorizationRequestRow.id) == request.id)
            .values(
                outcome=AuthorizationOutcome.REFUSED,
                refusal_code=exc.code,
                refusal_text=exc.message,
            )
        )
        if not isinstance(exc, SenderNotFound):
            detail = f"{exc.code}: {exc.message}"
            session.add(
                event(
                    request.alias,
                    AuditEvent.REAUTH_REFUSED,
                    who=request.requested_by,
                    detail=detail,
                )
            )

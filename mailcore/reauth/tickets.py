"""Tickets: links for mailbox owners, or for alerts.

A ticket only lets its holder consent for that mailbox. It is valid until a re-auth of its sender
succeeds, whichever way it was begun, or 72 hours are over: a Cancel at Google does not end it.
"""

import secrets
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from mailcore.clock import now
from mailcore.errors import InvalidSender, LinkExpired, LinkInvalid, LinkUsed
from mailcore.reauth.authorization_requests import hashed
from mailcore.reauth.authorizations import Authorizations
from mailcore.reauth.progress import outcome_of
from mailcore.senders.events import event
from mailcore.senders.picture import find
from mailcore.settings import Settings
from mailcore.store.database import Database
from mailcore.store.models import AuthorizationRequestRow, ReauthTicketRow, SenderRow
from mailcore.values.reauth import (
    Authorization,
    AuthorizationOutcome,
    Ticket,
    TicketProgress,
    TicketState,
)
from mailcore.values.senders import AuditEvent

_ASK = "Ask the admin for a new one."
#: How often a re-auth may be begun with a ticket.
MAX_TRIES = 30

#: How long a ticket works: over a weekend.
TICKET_LIFETIME = timedelta(hours=72)


class Tickets:
    """Issues and redeems tickets.

    Args:
        settings: the address that they lead to.
        database: where their hashes are.
        authorizations: begins the re-auth.
    """

    def __init__(
        self, settings: Settings, database: Database, authorizations: Authorizations
    ) -> None:
        self._settings = settings
        self._database = database
        self._authorizations = authorizations

    def issue(
        self, alias: str, *, by: str, any_mailbox: bool = False, secret: str | None = None
    ) -> Ticket:
        """Make a ticket for a sender.

        Args:
            alias: the sender.
            by: who issues it.
            any_mailbox: let whoever opens the link choose the mailbox, if the sender's account is
                not known yet. If it is known, the link works for that account only.
            secret: what nobody can guess, to get the same ticket whenever it is asked for with
                the same one; it is valid for 72 hours from the first time.

        Raises:
            SenderNotFound: no sender has that alias.
            InvalidSender: its account is not known, and `any_mailbox` is False.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        secret = secret or secrets.token_urlsafe(32)
        expires_at = now() + TICKET_LIFETIME
        url = f"{self._settings.public_url.rstrip('/')}/senders/reauth/{secret}"
        with self._database.session() as session:
            # The sender's row stays locked: of two who ask for the same ticket, one makes it.
            account = find(session, alias).gmail_account
            if known := _known(session, secret):
                return _ticket(known, account, url)
            row = ReauthTicketRow(
                ticket_hash=hashed(secret), alias=alias, issued_by=by, expires_at=expires_at
            )
            session.add(row)
            if account is None and not any_mailbox:
                raise InvalidSender(
                    f"The account of sender {alias!r} is not known yet, so anyone who opens the "
                    "link could choose a mailbox of their own.",
                    remedy="Enter the sender's account first, or allow any mailbox.",
                    field="gmail_account",
                    alias=alias,
                )
            detail = None if account else "for any mailbox"
            session.add(event(alias, AuditEvent.TICKET_ISSUED, who=by, detail=detail))
            session.flush()
            return _ticket(row, account, url)

    def inspect(self, ticket: str) -> Ticket:
        """Return what a ticket is for, and begin nothing: link previews open it, too.

        Raises:
            LinkInvalid: it was never issued, or its sender was deleted.
            LinkExpired: it is older than 72 hours.
            LinkUsed: its sender has been re-authorised.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.session() as session:
            row = _valid(session, ticket)
            account = session.exec(
                select(SenderRow.gmail_account).where(SenderRow.alias == row.alias)
            ).first()
            return _ticket(row, account, None)

    def redeem(self, ticket: str) -> Authorization:
        """Begin a re-auth. If it is refused, the ticket can be used again.

        Raises:
            LinkInvalid: it was never issued, or its sender was deleted.
            LinkExpired: it is older than 72 hours.
            LinkUsed: its sender has been re-authorised, or it was used 30 times in vain.
            ConfigurationError: there is no OAuth client.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.session() as session:
            row = _valid(session, ticket)
            # Whoever completes a re-auth locks the sender, too, and may just have ended this.
            find(session, row.alias)
            session.refresh(row)
            _check_valid(row)
            _check_tries(session, row)
            return self._authorizations.begin_in(
                session,
                row.alias,
                by=f"ticket from {row.issued_by}",
                choose_account=True,
                ticket_id=row.id,
                until=row.expires_at,
            )

    def progress(self, ticket_id: int) -> TicketProgress:
        """Return what has become of a ticket.

        Args:
            ticket_id: as in `Ticket.id`.

        Raises:
            LinkInvalid: there is no such ticket any more; its sender was deleted.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.session() as session:
            row = session.get(ReauthTicketRow, ticket_id)
            if row is None:
                raise LinkInvalid("This link is no more: its sender was deleted.")
            tries = session.exec(
                select(AuthorizationRequestRow)
                .where(AuthorizationRequestRow.ticket_id == ticket_id)
                .order_by(col(AuthorizationRequestRow.created_at).desc())
            ).all()
            return _progress(row, tries)


def _ticket(row: ReauthTicketRow, account: str | None, url: str | None) -> Ticket:
    assert row.id is not None  # noqa: S101 - it has been flushed
    return Ticket(
        id=row.id, alias=row.alias, gmail_account=account, url=url, expires_at=row.expires_at
    )


def _known(session: Session, ticket: str) -> ReauthTicketRow | None:
    return session.exec(
        select(ReauthTicketRow).where(ReauthTicketRow.ticket_hash == hashed(ticket))
    ).first()


def _check_tries(session: Session, row: ReauthTicketRow) -> None:
    """Refuse what was tried too often: whoever has a link could fill the database with it."""
    tries = session.exec(
        select(func.count())
        .select_from(AuthorizationRequestRow)
        .where(AuthorizationRequestRow.ticket_id == row.id)
    ).one()
    if tries >= MAX_TRIES:
        raise LinkUsed(
            f"This link for sender {row.alias!r} was used {MAX_TRIES} times, and no consent came "
            "of it.",
            remedy=_ASK,
            alias=row.alias,
        )


def _progress(row: ReauthTicketRow, tries: Sequence[AuthorizationRequestRow]) -> TicketProgress:
    outcomes = [outcome_of(each) for each in tries]
    if row.used_at is not None:
        done = any(outcome is AuthorizationOutcome.DONE for outcome, _, _ in outcomes)
        state = TicketState.DONE if done else TicketState.ENDED
        return TicketProgress(state=state, at=row.used_at)
    if row.expires_at <= now():
        return TicketProgress(state=TicketState.EXPIRED, at=row.expires_at)
    if not tries:
        return TicketProgress(state=TicketState.UNOPENED, at=row.created_at)
    outcome, code, detail = outcomes[0]
    if outcome is AuthorizationOutcome.REFUSED:
        at = tries[0].consumed_at or tries[0].created_at
        return TicketProgress(state=TicketState.REFUSED, at=at, code=code, detail=detail)
    return TicketProgress(state=TicketState.OPENED, at=tries[0].created_at)


def _valid(session: Session, ticket: str) -> ReauthTicketRow:
    row = _known(session, ticket)
    if row is None:
        raise LinkInvalid("This link was not made here, or its sender was deleted.", remedy=_ASK)
    _check_valid(row)
    return row


def _check_valid(row: ReauthTicketRow) -> None:
    if row.used_at is not None:
        raise _used(row)
    if row.expires_at <= now():
        raise LinkExpired(
            f"This link for sender {row.alias!r} has expired: it works for 72 hours.",
            remedy=_ASK,
            alias=row.alias,
        )


def _used(row: ReauthTicketRow) -> LinkUsed:
    return LinkUsed(
        f"This link for sender {row.alias!r} is no longer needed: the sender has been "
        "re-authorised.",
        remedy="Ask the admin for a new one if it is still needed.",
        alias=row.alias,
    )

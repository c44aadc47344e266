"""Tickets: links for mailbox owners, or for alerts.

A ticket only lets its holder consent for that mailbox, once. The first re-auth
that succeeds ends every other one of its sender.
"""

import secrets
from datetime import timedelta

from sqlalchemy import update
from sqlmodel import Session, col, select

from mailcore.clock import now
from mailcore.errors import InvalidSender, LinkExpired, LinkInvalid, LinkUsed
from mailcore.reauth.authorization_requests import hashed
from mailcore.reauth.authorizations import Authorizations
from mailcore.senders.events import event
from mailcore.senders.picture import find
from mailcore.settings import Settings
from mailcore.store.database import Database, changed_rows
from mailcore.store.models import ReauthTicketRow, SenderRow
from mailcore.values.reauth import Authorization, Ticket
from mailcore.values.senders import AuditEvent

_ASK = "Ask the admin for a new one."

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
                return Ticket(
                    alias=alias, gmail_account=account, url=url, expires_at=known.expires_at
                )
            session.add(
                ReauthTicketRow(
                    ticket_hash=hashed(secret), alias=alias, issued_by=by, expires_at=expires_at
                )
            )
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
        return Ticket(alias=alias, gmail_account=account, url=url, expires_at=expires_at)

    def inspect(self, ticket: str) -> Ticket:
        """Return what a ticket is for, without using it up: link previews open it, too.

        Raises:
            LinkInvalid: it was never issued, or its sender was deleted.
            LinkExpired: it is older than 72 hours.
            LinkUsed: it has been used before.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.session() as session:
            row = _valid(session, ticket)
            account = session.exec(
                select(SenderRow.gmail_account).where(SenderRow.alias == row.alias)
            ).first()
        return Ticket(alias=row.alias, gmail_account=account, url=None, expires_at=row.expires_at)

    def redeem(self, ticket: str) -> Authorization:
        """Use a ticket up, and begin the re-auth.

        Raises:
            LinkInvalid: it was never issued, or its sender was deleted.
            LinkExpired: it is older than 72 hours.
            LinkUsed: it has been used before.
            ConfigurationError: there is no OAuth client; the ticket stays valid.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.session() as session:
            row = _valid(session, ticket)
            # In one transaction, so that a failure leaves the ticket good.
            begun = self._authorizations.begin_in(
                session,
                row.alias,
                by=f"ticket from {row.issued_by}",
                choose_account=True,
                ticket_id=row.id,
            )
            used = changed_rows(
                session,
                update(ReauthTicketRow)
                .where(col(ReauthTicketRow.id) == row.id, col(ReauthTicketRow.used_at).is_(None))
                .values(used_at=now()),
            )
            if used != 1:
                raise _used(row)
        return begun


def _known(session: Session, ticket: str) -> ReauthTicketRow | None:
    return session.exec(
        select(ReauthTicketRow).where(ReauthTicketRow.ticket_hash == hashed(ticket))
    ).first()


def _valid(session: Session, ticket: str) -> ReauthTicketRow:
    row = _known(session, ticket)
    if row is None:
        raise LinkInvalid("This link was not made here, or its sender was deleted.", remedy=_ASK)
    if row.used_at is not None:
        raise _used(row)
    if row.expires_at <= now():
        raise LinkExpired(
            f"This link for sender {row.alias!r} has expired: it works for 72 hours.",
            remedy=_ASK,
            alias=row.alias,
        )
    return row


def _used(row: ReauthTicketRow) -> LinkUsed:
    return LinkUsed(
        f"This link for sender {row.alias!r} has already been used, or the sender was "
        "re-authorised in another way.",
        remedy="Ask the admin for a new one if it is still needed.",
        alias=row.alias,
    )

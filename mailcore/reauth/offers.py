"""Accounts that were chosen through a link, for senders without one: an admin confirms them.

Anyone could have the link. Until an admin says that the mailbox is the right one, its grant is
kept apart from the sender's own, and nothing is sent through it.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlmodel import Session

from mailcore.clock import now
from mailcore.errors import InvalidSender
from mailcore.google.consent import GoogleAccount
from mailcore.google.credentials import Grant
from mailcore.grants.storage import store_grant
from mailcore.outbox.releasing import release
from mailcore.reauth.checks import check_identity
from mailcore.senders.events import event
from mailcore.senders.picture import find, read_sender
from mailcore.store.database import Database
from mailcore.store.encryption import Vault
from mailcore.store.models import SenderRow
from mailcore.store.sealed_columns import OFFERED_GRANT
from mailcore.values.senders import AuditEvent, Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A grant that waits.

    Attributes:
        account: whose it is.
        grant: what Google gave.
        expires_at: when Google ends it, or None.
    """

    account: GoogleAccount
    grant: Grant
    expires_at: datetime | None


def keep(sender: SenderRow, offer: Offer, vault: Vault) -> None:
    """Keep an offer with its sender's row; a later one replaces it."""
    stored = json.dumps(
        {
            "email": offer.account.email,
            "sub": offer.account.sub,
            "grant": offer.grant.to_json(),
            "expires_at": offer.expires_at and offer.expires_at.isoformat(),
        }
    )
    sender.offered_account = offer.account.email
    sender.offered_grant_json = vault.seal(stored, OFFERED_GRANT.at(sender.alias))
    sender.status_reason = f"{offer.account.email} is waiting for an admin to confirm it."
    sender.updated_at = now()


def forget(sender: SenderRow) -> None:
    """Drop the offer, as the sender has an account now or is to have another."""
    sender.offered_account = sender.offered_grant_json = None


class Offers:
    """Confirms and rejects accounts.

    Args:
        database: where they are.
        vault: opens their grants.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def confirm(self, alias: str, account: str, *, by: str) -> Sender:
        """Let a sender send from the account that was chosen through its link.

        Args:
            alias: the sender.
            account: the account that the admin saw; another may have been chosen since.
            by: who confirms it.

        Raises:
            SenderNotFound: no sender has that alias.
            InvalidSender: that account is not waiting to be confirmed.
            WrongAccount: the sender has been given another account since.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.session() as session:
            sender, offer = self._offered(session, alias, account)
            check_identity(sender, offer.account)
            lasts = offer.expires_at - now() if offer.expires_at else None
            store_grant(sender, offer.grant, vault=self._vault, lasts=lasts)
            sender.gmail_account = sender.gmail_account or offer.account.email
            sender.google_sub = offer.account.sub
            forget(sender)
            detail = f"adopted the account {offer.account.email}, which an admin has confirmed"
            session.add(event(alias, AuditEvent.REAUTHORIZED, who=by, detail=detail))
            session.flush()
            release(session.connection(), alias)
            return read_sender(session.connection(), alias)

    def reject(self, alias: str, account: str, *, by: str) -> Sender:
        """Drop the account that was chosen through a link. The arguments are those of `confirm`.

        Raises:
            SenderNotFound: no sender has that alias.
            InvalidSender: that account is not waiting to be confirmed.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.session() as session:
            sender = find(session, alias)
            _check_offered(sender, account)
            forget(sender)
            sender.status_reason = None
            session.add(event(alias, AuditEvent.ACCOUNT_REJECTED, who=by, detail=account))
            session.flush()
            return read_sender(session.connection(), alias)

    def _offered(self, session: Session, alias: str, account: str) -> tuple[SenderRow, Offer]:
        sender = find(session, alias)
        stored = _check_offered(sender, account)
        values = json.loads(self._vault.open(stored, OFFERED_GRANT.at(alias)))
        if values["email"] != account:
            raise _not_offered(alias, account)
        end = values["expires_at"]
        return sender, Offer(
            account=GoogleAccount(email=values["email"], sub=values["sub"]),
            grant=Grant.from_json(values["grant"]),
            expires_at=datetime.fromisoformat(end).astimezone(UTC) if end else None,
        )


def end_of(lasts: timedelta | None) -> datetime | None:
    """Return when a grant of that length ends, if it was given now."""
    return now() + lasts if lasts else None


def _check_offered(sender: SenderRow, account: str) -> str:
    if sender.offered_grant_json is None or sender.offered_account != account:
        raise _not_offered(sender.alias, account)
    return sender.offered_grant_json


def _not_offered(alias: str, account: str) -> InvalidSender:
    return InvalidSender(
        f"{account} is not waiting to be confirmed for sender {alias!r}; another account may have "
        "replaced it.",
        remedy="Check the sender again.",
        field="gmail_account",
        alias=alias,
    )

"""Giving a sender a service account, in place of a person's consent."""

from sqlmodel import Session

from mailcore.clock import Deadline
from mailcore.errors import InvalidSender
from mailcore.google.credentials import Grant
from mailcore.google.error_mapping import to_error
from mailcore.google.failures import GoogleFailure
from mailcore.google.refresh import TokenRefresh
from mailcore.google.scopes import mail_scope
from mailcore.google.service_accounts import ServiceAccount
from mailcore.google.token_endpoint import TOKEN_TIMEOUT
from mailcore.grants.storage import store_grant
from mailcore.outbox.releasing import release
from mailcore.reauth import offers
from mailcore.senders.events import event
from mailcore.senders.picture import find, read_sender
from mailcore.settings import Settings
from mailcore.store.database import Database
from mailcore.store.encryption import Vault
from mailcore.store.models import SenderRow
from mailcore.store.sealed_columns import GRANT_CLIENT
from mailcore.values.senders import AuditEvent, Sender


class ServiceAccounts:
    """Lets senders send without anybody's consent.

    Args:
        settings: the admin page's address.
        database: where senders are.
        vault: seals the keys.
        refreshing: Google's token endpoint.
    """

    def __init__(
        self, settings: Settings, database: Database, vault: Vault, refreshing: TokenRefresh
    ) -> None:
        self._admin_url = settings.public_url
        self._database = database
        self._vault = vault
        self._refreshing = refreshing

    def use(self, alias: str, key_json: str, *, by: str) -> Sender:
        """Have a sender send with a service account of its Workspace.

        Google is asked for access first: if it refuses, nothing changes. Afterwards the sender is
        healthy, and what it had queued goes out. A re-auth goes back to a person's consent.

        Args:
            alias: the sender. It needs a Gmail account: the mailbox to send from.
            key_json: the service account's key, as Google's console hands it out.
            by: who does it.

        Raises:
            SenderNotFound: no sender has that alias.
            InvalidSender: no Gmail account is set, or another one since Google was asked.
            ConfigurationError: it is not such a key.
            SenderBlocked: Google does not let the service account send from that mailbox.
            TemporaryFailure: Google cannot be reached.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        account = ServiceAccount.from_json(key_json, source="The file")
        with self._database.session() as session:
            sender = find(session, alias)
            mailbox, drafts = _mailbox_of(sender), sender.use_drafts
        grant = self._access(alias, account, mailbox, drafts=drafts)
        with self._database.session() as session:
            sender = find(session, alias)
            if _mailbox_of(sender) != mailbox:
                raise InvalidSender(
                    f"The Gmail account of sender {alias!r} was changed just now.",
                    remedy="Try again.",
                    field="gmail_account",
                    alias=alias,
                )
            self._store(session, sender, account, grant, by)
            session.flush()
            release(session.connection(), alias)
            return read_sender(session.connection(), alias)

    def _access(self, alias: str, account: ServiceAccount, mailbox: str, *, drafts: bool) -> Grant:
        try:
            return self._refreshing.by_service_account(
                account, mailbox, (mail_scope(drafts=drafts),), deadline=Deadline(TOKEN_TIMEOUT)
            )
        except GoogleFailure as failure:
            raise to_error(failure, alias=alias, admin_url=self._admin_url) from failure

    def _store(
        self, session: Session, sender: SenderRow, account: ServiceAccount, grant: Grant, by: str
    ) -> None:
        key = self._vault.seal(account.to_json(), GRANT_CLIENT.at(sender.alias))
        store_grant(
            sender,
            grant,
            vault=self._vault,
            lasts=None,
            client_json=key,
            service_account=account.client_email,
        )
        offers.forget(sender)
        detail = f"service account {account.client_email}"
        session.add(event(sender.alias, AuditEvent.REAUTHORIZED, who=by, detail=detail))


def _mailbox_of(sender: SenderRow) -> str:
    if sender.gmail_account is None:
        raise InvalidSender(
            f"Sender {sender.alias!r} has no Gmail account yet, and a service account has to know "
            "from which mailbox to send.",
            remedy="Enter its Gmail account first.",
            field="gmail_account",
            alias=sender.alias,
        )
    return sender.gmail_account

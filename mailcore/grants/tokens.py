"""Tokens: a sender's grant, and an access token that can be used."""

from mailcore.clock import Deadline
from mailcore.errors import ReauthRequired, SenderNotFound
from mailcore.google.error_mapping import to_error
from mailcore.google.failures import GoogleFailure
from mailcore.google.refresh import TokenRefresh
from mailcore.grants.oauth_clients import OAuthClients
from mailcore.grants.renewal import REFUSED, Renewals
from mailcore.grants.sender_loading import LoadedSender, SenderReader
from mailcore.settings import Settings
from mailcore.store.database import Database
from mailcore.store.encryption import Vault

#: Seconds that a caller waits for an access token in all.
TOKEN_DEADLINE = 30.0


class Tokens:
    """Loads and renews grants.

    Args:
        settings: where gmail-sdk's files are, and the admin page's address.
        database: where grants are.
        vault: opens them.
        clients: finds the client to renew them with.
        refreshing: Google's token endpoint.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        vault: Vault,
        clients: OAuthClients,
        refreshing: TokenRefresh,
    ) -> None:
        self._settings = settings
        self._admin_url = settings.public_url
        self._database = database
        self._vault = vault
        #: Reads senders from rows that others have fetched.
        self.senders = SenderReader(vault)
        self._renewals = Renewals(database, vault, self.senders, clients, refreshing)

    def access_token(self, alias: str) -> str:
        """See `mailcore.Mailcore.access_token`."""
        deadline = Deadline(TOKEN_DEADLINE)
        sender = self.load(alias, deadline)
        if sender.status in REFUSED:
            # Whatever is stored: an access token may outlive its grant by an hour.
            raise to_error(REFUSED[sender.status], alias=alias, admin_url=self._admin_url)
        try:
            grant = self.fresh(sender, deadline).grant
        except GoogleFailure as failure:
            raise to_error(failure, alias=alias, admin_url=self._admin_url) from failure
        assert grant.access_token is not None  # noqa: S101 - `fresh` promises it
        return grant.access_token

    def load(self, alias: str, deadline: Deadline | None = None) -> LoadedSender:
        """Read a sender and its grant, in one statement.

        A sender without a grant takes one from gmail-sdk's files, if there is one for it.
        A database that cannot be reached is an error, never a reason to look there.

        Args:
            alias: which sender.
            deadline: when Postgres must have answered; None for the database's own limit.

        Returns:
            The sender; one that was never authorised has an empty grant.

        Raises:
            SenderNotFound: no sender has that alias.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        loaded = self._read(alias, deadline)
        if loaded is not None and loaded.generation > 0:
            return loaded
        # Only senders that were never authorised come here, so only they wait for it to load.
        from mailcore.grants.token_import import adopt  # noqa: PLC0415

        adopt(alias, deadline, settings=self._settings, database=self._database, vault=self._vault)
        loaded = self._read(alias, deadline)
        if loaded is None:
            raise SenderNotFound(f"Sender {alias!r} was deleted just now.", alias=alias)
        return loaded

    def fresh(self, sender: LoadedSender, deadline: Deadline) -> LoadedSender:
        """Return the sender with an access token that can be used.

        Args:
            sender: as loaded.
            deadline: when all of it ends: waiting for others who are renewing the same
                grant, and for Google.

        Raises:
            RenewalFailed: Google refuses to renew it; that is recorded.
            ReauthRequired: it was never authorised.
            SenderNotFound: it was deleted meanwhile.
            TemporaryFailure: others took too long, or Postgres cannot be reached.
        """
        return sender if sender.grant.fresh else self.renew(sender, deadline)

    def renew(
        self, sender: LoadedSender, deadline: Deadline, *, refused: bool = False
    ) -> LoadedSender:
        """Renew a grant even if its access token is fresh: that asks whether Google still does.

        Args:
            sender: as loaded.
            deadline: as for `fresh`.
            refused: Gmail has refused its access token, which nobody shall use again.

        Raises:
            PalEMailError: as `fresh`.
            RenewalFailed: as `fresh`.
        """
        if sender.grant.refresh_token is None and sender.service_account is None:
            raise ReauthRequired(
                f"Sender {sender.alias!r} has never been authorised.",
                remedy=f"Authorise it on {self._admin_url}.",
                alias=sender.alias,
                admin_url=self._admin_url,
            )
        return self._renewals.renew(sender, deadline, refused=refused)

    def _read(self, alias: str, deadline: Deadline | None) -> LoadedSender | None:
        return self.senders.by_alias(self._database, alias, deadline)

"""Renewing a grant at Google's token endpoint: once, however many ask."""

from dataclasses import replace
from datetime import datetime

from mailcore.clock import Deadline
from mailcore.errors import DatabaseUnavailable, ReauthRequired, SenderBlocked, SenderNotFound
from mailcore.google.credentials import Grant
from mailcore.google.error_mapping import OTHER_CLIENT, explain
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.google.refresh import TokenRefresh
from mailcore.google.token_endpoint import TOKEN_TIMEOUT
from mailcore.grants.oauth_clients import OAuthClients
from mailcore.grants.sender_loading import LoadedSender, SenderReader
from mailcore.senders.transitions import REFUSALS, record_refusal, record_renewal
from mailcore.status import RefusedBy, SenderStatus
from mailcore.store.database import DATABASE_PATIENCE, Database, patiently
from mailcore.store.encryption import Vault
from mailcore.store.refresh_lease import RefreshLeases
from mailcore.store.sealed_columns import SENDER_GRANT

#: Seconds after which a process that is renewing an access token counts as dead.
_LEASE = TOKEN_TIMEOUT + 5.0

_STORE = """
    UPDATE sender SET token_json = %(token_json)s
    WHERE id = %(id)s AND generation = %(generation)s
"""

_GRANT_REFUSED = GoogleFailure(FailureKind.GRANT, "refused", "since an earlier attempt")
_ACCOUNT_REFUSED = GoogleFailure(FailureKind.ACCOUNT, "refused", "since an earlier attempt")
#: What Google has said of a sender, by its status.
REFUSED = {SenderStatus.EXPIRED: _GRANT_REFUSED, SenderStatus.BLOCKED: _ACCOUNT_REFUSED}
#: The same of a refusal that another caller has met, by the recorded error.
_RECORDED = {
    ReauthRequired.code: _GRANT_REFUSED,
    OTHER_CLIENT: _GRANT_REFUSED,
    SenderBlocked.code: _ACCOUNT_REFUSED,
}


class RenewalFailed(GoogleFailure):
    """A grant could not be renewed; that is recorded with its sender."""


class Renewals:
    """Renews grants, one request for all who wait.

    Args:
        database: where grants are.
        vault: seals them.
        senders: reads them.
        clients: finds the client to renew them with.
        refreshing: Google's token endpoint.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        senders: SenderReader,
        clients: OAuthClients,
        refreshing: TokenRefresh,
    ) -> None:
        self._database = database
        self._vault = vault
        self._senders = senders
        self._clients = clients
        self._refreshing = refreshing
        self._leases = RefreshLeases(database)

    def renew(
        self, sender: LoadedSender, deadline: Deadline, *, refused: bool = False
    ) -> LoadedSender:
        """Return the sender with another access token than the one that it was loaded with.

        Args:
            sender: as loaded, with a refresh token or a service account.
            deadline: when all of it ends: waiting for others who are renewing the same
                grant, and for Google.
            refused: Gmail has refused that access token. Nobody shall use it again, also
                where the grant cannot be renewed for a while.

        Raises:
            RenewalFailed: Google refuses to renew it; that is recorded.
            SenderNotFound: it was deleted meanwhile.
            TemporaryFailure: others took too long, or Postgres cannot be reached.
        """
        with self._leases.hold(sender.id, lease=_LEASE, deadline=deadline):
            if refused:
                self._delete_access_token(sender, deadline)
            return self._renew(sender, deadline)

    def _renew(self, asked: LoadedSender, deadline: Deadline) -> LoadedSender:
        """Renew a grant. No connection is held while Google is asked."""
        known = asked.grant.access_token
        while True:
            sender = self._reload(asked, deadline)
            if sender.grant.fresh and sender.grant.access_token != known:
                return sender
            if failure := _refused_since(sender, asked):
                raise _failed(failure)
            asked_at = sender.postgres_clock.now()
            try:
                grant = self._request(sender, deadline)
            except GoogleFailure as failure:
                if failure.kind in REFUSALS and self._superseded(sender):
                    asked = sender  # a re-auth came in between: try with the new grant
                    continue
                self._record_refusal(sender, failure, asked_at)
                raise _failed(failure) from failure
            status = self._save(sender, grant, asked_at)
            if status is not None:
                return replace(sender, grant=grant, status=status)
            # A re-auth came in between: its grant is the one to use.

    def _request(self, sender: LoadedSender, deadline: Deadline) -> Grant:
        if sender.service_account:
            return self._refreshing.by_service_account(
                self._clients.service_account(sender.client),
                sender.gmail_account or "",
                sender.grant.scopes,
                deadline=deadline,
            )
        with self._database.connection(deadline) as connection:
            client = self._clients.of_sender(connection, sender.client)
        return self._refreshing.refresh(client, sender.grant, deadline=deadline)

    def _reload(self, asked: LoadedSender, deadline: Deadline) -> LoadedSender:
        loaded = self._senders.by_alias(self._database, asked.alias, deadline)
        if loaded is None or loaded.id != asked.id:
            raise SenderNotFound(
                f"Sender {asked.alias!r} was deleted while its access was being renewed.",
                alias=asked.alias,
            )
        return loaded

    def _superseded(self, sender: LoadedSender) -> bool:
        deadline = Deadline(DATABASE_PATIENCE)
        current = patiently(DatabaseUnavailable, deadline)(self._reload, sender, deadline)
        return current.generation != sender.generation

    def _delete_access_token(self, refused: LoadedSender, deadline: Deadline) -> None:
        sender = self._reload(refused, deadline)
        if sender.grant.access_token != refused.grant.access_token:
            return
        without = self._sealed(sender, sender.grant.without_access_token())
        values = {"id": sender.id, "generation": sender.generation, "token_json": without}
        with self._database.connection(deadline) as connection:
            connection.run(_STORE, values)

    def _sealed(self, sender: LoadedSender, grant: Grant) -> str:
        return self._vault.seal(grant.to_json(), SENDER_GRANT.at(sender.alias))

    # What Google said is recorded even if asking took the caller's whole time, and the database
    # is away for a moment: a renewal that is not stored is lost.

    def _save(self, sender: LoadedSender, grant: Grant, asked_at: datetime) -> SenderStatus | None:
        """Store a renewed grant, unless a re-auth has stored a newer one: then return None."""
        deadline = Deadline(DATABASE_PATIENCE)

        def save() -> SenderStatus | None:
            with self._database.connection(deadline) as connection:
                return record_renewal(
                    connection,
                    sender_id=sender.id,
                    generation=sender.generation,
                    asked_at=asked_at,
                    token_json=self._sealed(sender, grant),
                )

        return patiently(DatabaseUnavailable, deadline)(save)

    def _record_refusal(
        self, sender: LoadedSender, failure: GoogleFailure, asked_at: datetime
    ) -> None:
        deadline = Deadline(DATABASE_PATIENCE)

        def record() -> None:
            with self._database.connection(deadline) as connection, connection.transaction():
                record_refusal(
                    connection,
                    failure,
                    sender_id=sender.id,
                    generation=sender.generation,
                    asked_at=asked_at,
                    reason=explain(failure, alias=sender.alias),
                    refused_by=RefusedBy.TOKEN_ENDPOINT,
                )

        patiently(DatabaseUnavailable, deadline)(record)


def _failed(failure: GoogleFailure) -> RenewalFailed:
    return RenewalFailed(failure.kind, failure.reason, failure.text, retry_at=failure.retry_at)


def _refused_since(sender: LoadedSender, asked: LoadedSender) -> GoogleFailure | None:
    """Return the refusal that someone met while this caller waited: one request is enough."""
    if sender.generation != asked.generation or sender.last_error_at == asked.last_error_at:
        return None
    return _RECORDED.get(sender.last_error_code or "")

"""Tokens: row ↔ grant, and one refresh per sender however many ask."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Connection, Row, text

from mailcore.clock import Deadline
from mailcore.errors import ReauthRequired, SenderBlocked, SenderNotFound
from mailcore.google.credentials import Grant
from mailcore.google.error_mapping import OTHER_CLIENT, explain, to_error
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.google.refresh import TokenRefresh
from mailcore.google.token_endpoint import TOKEN_TIMEOUT
from mailcore.grants.oauth_clients import OAuthClients
from mailcore.senders.transitions import record_refusal, record_renewal
from mailcore.senders.validation import ALIAS_PATTERN
from mailcore.settings import Settings
from mailcore.status import RefusedBy, SenderStatus
from mailcore.store.database import DATABASE_PATIENCE, Database
from mailcore.store.encryption import Vault
from mailcore.store.refresh_lease import RefreshLeases

#: Seconds that a caller waits for an access token in all.
TOKEN_DEADLINE = 30.0
#: Seconds after which a process that is renewing an access token counts as dead.
_REFRESH_LEASE = TOKEN_TIMEOUT + 5.0

#: What `Tokens.from_row` reads.
SENDER_COLUMNS = """id, alias, gmail_account, display_name, generation, status, token_json,
    coalesce(grant_client_json, credentials_json) AS client_json,
    status_changed_at, last_error_code, last_error_at"""

_BY_ALIAS = text(f"SELECT {SENDER_COLUMNS} FROM sender WHERE alias = :alias")  # noqa: S608 - ours

_STORE = text(
    "UPDATE sender SET token_json = :token_json WHERE id = :id AND generation = :generation"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSender:
    """A sender with the grant that an attempt will use.

    Attributes:
        generation: of that grant; whatever the attempt learns counts for it alone.
        status: what Google last said of it.
        sealed_client: the client that renews it, as stored; None for the deployment's.
        status_changed_at: when its status last changed.
        last_error_code: of what went wrong last, or None since the last success.
        last_error_at: when that was.
    """

    id: int
    alias: str
    gmail_account: str | None
    display_name: str | None
    generation: int
    status: SenderStatus
    grant: Grant
    sealed_client: str | None = field(repr=False)
    status_changed_at: datetime
    last_error_code: str | None
    last_error_at: datetime | None

    def without_access_token(self) -> Self:
        """Return it with a grant that has to be renewed before it is used."""
        return replace(self, grant=self.grant.without_access_token())


class RenewalFailed(GoogleFailure):
    """A grant could not be renewed; that is recorded with its sender."""


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
        self._leases = RefreshLeases(database)
        self._vault = vault
        self._clients = clients
        self._refreshing = refreshing

    def access_token(self, alias: str) -> str:
        """See `mailcore.Mailcore.access_token`."""
        sender = self.load(alias)
        if sender.status in _REFUSED:
            # Whatever is stored: an access token may outlive its grant by an hour.
            raise to_error(_REFUSED[sender.status], alias=alias, admin_url=self._admin_url)
        try:
            grant = self.fresh(sender, Deadline(TOKEN_DEADLINE)).grant
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
        with self._database.statement(deadline) as connection:
            loaded = self._read(connection, alias)
        if loaded is not None and loaded.generation > 0:
            return loaded
        # Only senders that were never authorised come here, so only they wait for it to load.
        from mailcore.grants.token_import import adopt  # noqa: PLC0415

        adopt(alias, settings=self._settings, database=self._database, vault=self._vault)
        with self._database.statement(deadline) as connection:
            loaded = self._read(connection, alias)
        if loaded is None:
            raise SenderNotFound(f"Sender {alias!r} was deleted just now.", alias=alias)
        return loaded

    def fresh(
        self, sender: LoadedSender, deadline: Deadline, *, refused: str | None = None
    ) -> LoadedSender:
        """Return the sender with an access token that can be used.

        Args:
            sender: as loaded.
            deadline: when all of it ends: waiting for others who are renewing the same
                grant, and for Google.
            refused: an access token that Gmail just refused. It is never used again, also
                where the grant cannot be renewed for a while.

        Raises:
            RenewalFailed: Google refuses to renew it; that is recorded.
            ReauthRequired: it was never authorised.
            SenderNotFound: it was deleted meanwhile.
            TemporaryFailure: others took too long, or Postgres cannot be reached.
        """
        if _usable(sender.grant, refused):
            return sender
        return self._exclusively(sender, refused, deadline, forget=refused)

    def renew(self, sender: LoadedSender, deadline: Deadline) -> LoadedSender:
        """Renew a grant even if its access token is fresh: that asks whether Google still does.

        The arguments and the errors are those of `fresh`.
        """
        return self._exclusively(sender, sender.grant.access_token, deadline, forget=None)

    def _exclusively(
        self, sender: LoadedSender, unusable: str | None, deadline: Deadline, *, forget: str | None
    ) -> LoadedSender:
        if sender.grant.refresh_token is None:
            raise self._never_authorised(sender.alias)
        with self._leases.hold(sender.id, lease=_REFRESH_LEASE, deadline=deadline):
            if forget is not None:
                self._forget(sender, forget, deadline)
            return self._renew(sender, unusable, deadline)

    def _renew(self, asked: LoadedSender, unusable: str | None, deadline: Deadline) -> LoadedSender:
        """Renew a grant. No connection is held while Google is asked."""
        while True:
            sender = self._reload(asked, deadline)
            if _usable(sender.grant, unusable):
                return sender
            if failure := _refused_since(sender, asked):
                raise _failed(failure)
            with self._database.statement(deadline) as connection:
                client = self._clients.of_sender(connection, sender.sealed_client)
            try:
                grant = self._refreshing.refresh(client, sender.grant, deadline=deadline)
            except GoogleFailure as failure:
                if failure.kind is FailureKind.GRANT and self._superseded(sender):
                    asked = sender  # a re-auth came in between: try with the new grant
                    continue
                self._record_refusal(sender, failure)
                raise _failed(failure) from failure
            status = self._save(sender, grant)
            if status is not None:
                return replace(sender, grant=grant, status=status)
            # A re-auth came in between: its grant is the one to use.

    def _reload(self, asked: LoadedSender, deadline: Deadline) -> LoadedSender:
        with self._database.statement(deadline) as connection:
            loaded = self._read(connection, asked.alias)
        if loaded is None or loaded.id != asked.id:
            raise SenderNotFound(
                f"Sender {asked.alias!r} was deleted while its access was being renewed.",
                alias=asked.alias,
            )
        return loaded

    def _superseded(self, sender: LoadedSender) -> bool:
        return self._reload(sender, Deadline(DATABASE_PATIENCE)).generation != sender.generation

    def _forget(self, asked: LoadedSender, access_token: str, deadline: Deadline) -> None:
        """Drop a refused access token from what is stored, so that nobody posts it again."""
        sender = self._reload(asked, deadline)
        if sender.grant.access_token != access_token:
            return
        forgotten = self._vault.seal(sender.grant.without_access_token().to_json())
        values = {"id": sender.id, "generation": sender.generation, "token_json": forgotten}
        with self._database.statement(deadline) as connection:
            connection.execute(_STORE, values)

    def _save(self, sender: LoadedSender, grant: Grant) -> SenderStatus | None:
        """Store a renewed grant, unless a re-auth has stored a newer one: then return None."""
        # What Google said is recorded even if asking took the caller's whole time.
        with self._database.statement(Deadline(DATABASE_PATIENCE)) as connection:
            return record_renewal(
                connection,
                sender_id=sender.id,
                generation=sender.generation,
                token_json=self._vault.seal(grant.to_json()),
            )

    def _record_refusal(self, sender: LoadedSender, failure: GoogleFailure) -> None:
        with self._database.transaction(Deadline(DATABASE_PATIENCE)) as connection:
            record_refusal(
                connection,
                failure,
                sender_id=sender.id,
                generation=sender.generation,
                reason=explain(failure, alias=sender.alias),
                who="job",
                refused_by=RefusedBy.TOKEN_ENDPOINT,
            )

    def _read(self, connection: Connection, alias: str) -> LoadedSender | None:
        if not ALIAS_PATTERN.fullmatch(alias):  # Postgres would choke on some of what cannot be one
            return None
        row = connection.execute(_BY_ALIAS, {"alias": alias}).first()
        return None if row is None else self.from_row(row)

    def from_row(self, row: Row[Any]) -> LoadedSender:
        """Open what was read with `SENDER_COLUMNS`."""
        token_json = row.token_json and self._vault.open(row.token_json)
        return LoadedSender(
            id=row.id,
            alias=row.alias,
            gmail_account=row.gmail_account,
            display_name=row.display_name,
            generation=row.generation,
            status=SenderStatus(row.status),
            grant=Grant.from_json(token_json) if token_json else Grant(refresh_token=None),
            sealed_client=row.client_json,
            status_changed_at=row.status_changed_at,
            last_error_code=row.last_error_code,
            last_error_at=row.last_error_at,
        )

    def _never_authorised(self, alias: str) -> ReauthRequired:
        return ReauthRequired(
            f"Sender {alias!r} has never been authorised.",
            remedy=f"Authorise it on {self._admin_url}.",
            alias=alias,
            admin_url=self._admin_url,
        )


def _usable(grant: Grant, unusable: str | None) -> bool:
    return grant.fresh and grant.access_token != unusable


def _failed(failure: GoogleFailure) -> RenewalFailed:
    return RenewalFailed(failure.kind, failure.reason, failure.text, retry_at=failure.retry_at)


_GRANT_REFUSED = GoogleFailure(FailureKind.GRANT, "refused", "since an earlier attempt")
_ACCOUNT_REFUSED = GoogleFailure(FailureKind.ACCOUNT, "refused", "since an earlier attempt")
#: What Google has said of a sender, by its status.
_REFUSED = {SenderStatus.EXPIRED: _GRANT_REFUSED, SenderStatus.BLOCKED: _ACCOUNT_REFUSED}
#: The same of a refusal that another caller has met, by the recorded error.
_RECORDED = {
    ReauthRequired.code: _GRANT_REFUSED,
    OTHER_CLIENT: _GRANT_REFUSED,
    SenderBlocked.code: _ACCOUNT_REFUSED,
}


def _refused_since(sender: LoadedSender, asked: LoadedSender) -> GoogleFailure | None:
    """Return the refusal that someone met while this caller waited: one request is enough."""
    if sender.generation != asked.generation or sender.last_error_at == asked.last_error_at:
        return None
    return _RECORDED.get(sender.last_error_code or "")

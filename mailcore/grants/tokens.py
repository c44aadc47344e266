"""Tokens: row ↔ grant, and one refresh per sender however many ask."""

import time
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from mailcore.clock import now
from mailcore.errors import ReauthRequired, SenderBlocked, SenderNotFound
from mailcore.google.credentials import Grant
from mailcore.google.error_mapping import SAID_BY_GMAIL, explain, to_error
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.google.refresh import TOKEN_TIMEOUT, TokenRefresh
from mailcore.grants.oauth_clients import OAuthClients
from mailcore.senders.transitions import record_refusal
from mailcore.senders.validation import ALIAS_PATTERN
from mailcore.settings import Settings
from mailcore.store.database import DATABASE_PATIENCE, Database
from mailcore.store.encryption import Vault
from mailcore.store.refresh_lease import RefreshLeases

#: Seconds that a caller waits for an access token in all.
TOKEN_DEADLINE = 30.0
#: Seconds after which a process that is renewing an access token counts as dead.
_REFRESH_LEASE = TOKEN_TIMEOUT + 5.0

#: What `Tokens.from_row` reads.
SENDER_COLUMNS = """id, alias, gmail_account, display_name, generation, token_json,
    credentials_json, status_changed_at, last_error_code, last_error_at"""

_BY_ALIAS = text(f"SELECT {SENDER_COLUMNS} FROM sender WHERE alias = :alias")  # noqa: S608 - ours

_SAVE = text("""
    UPDATE sender
    SET token_json = :token_json, last_refreshed_at = :at, updated_at = :at,
        last_error_code = CASE WHEN last_error_code = ANY(:kept) THEN last_error_code END,
        last_error_text = CASE WHEN last_error_code = ANY(:kept) THEN last_error_text END,
        last_error_at = CASE WHEN last_error_code = ANY(:kept) THEN last_error_at END
    WHERE id = :id AND generation = :generation
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSender:
    """A sender with the grant that an attempt will use.

    Attributes:
        generation: of that grant; whatever the attempt learns counts for it alone.
        status_changed_at: when its status last changed.
        last_error_code: of what went wrong last, or None since the last success.
        last_error_at: when that was.
    """

    id: int
    alias: str
    gmail_account: str | None
    display_name: str | None
    generation: int
    grant: Grant
    sealed_client: str | None = field(repr=False)
    status_changed_at: datetime
    last_error_code: str | None
    last_error_at: datetime | None


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
        self._database = database
        self._leases = RefreshLeases(database)
        self._vault = vault
        self._clients = clients
        self._refreshing = refreshing

    def access_token(self, alias: str) -> str:
        """See `mailcore.Mailcore.access_token`."""
        try:
            grant = self.fresh(self.load(alias), timeout=TOKEN_DEADLINE).grant
        except GoogleFailure as failure:
            raise to_error(failure, alias=alias, admin_url=self._settings.public_url) from failure
        assert grant.access_token is not None  # noqa: S101 - `fresh` promises it
        return grant.access_token

    def load(self, alias: str, *, timeout: float = TOKEN_DEADLINE) -> LoadedSender:
        """Read a sender and its grant, in one statement.

        A sender without a grant takes one from gmail-sdk's files, if there is one for it.
        A database that cannot be reached is an error, never a reason to look there.

        Args:
            alias: which sender.
            timeout: seconds that Postgres has to answer.

        Returns:
            The sender; one that was never authorised has an empty grant.

        Raises:
            SenderNotFound: no sender has that alias.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.statement(timeout=timeout) as connection:
            loaded = self._read(connection, alias)
        if loaded is not None and loaded.generation > 0:
            return loaded
        # Only senders that were never authorised come here, so only they wait for it to load.
        from mailcore.grants.token_import import adopt  # noqa: PLC0415

        adopt(alias, settings=self._settings, database=self._database, vault=self._vault)
        with self._database.statement(timeout=timeout) as connection:
            loaded = self._read(connection, alias)
        if loaded is None:
            raise SenderNotFound(f"Sender {alias!r} was deleted just now.", alias=alias)
        return loaded

    def fresh(
        self, sender: LoadedSender, *, timeout: float, refused: str | None = None
    ) -> LoadedSender:
        """Return the sender with an access token that can be used.

        Args:
            sender: as loaded.
            timeout: seconds for all of it: waiting for others who are renewing the same
                grant, and for Google.
            refused: an access token that Google just refused, so that it is not fresh.

        Raises:
            GoogleFailure: Google refuses to renew it; that is recorded.
            ReauthRequired: it was never authorised.
            SenderNotFound: it was deleted meanwhile.
            TemporaryFailure: others took too long, or Postgres cannot be reached.
        """
        if _usable(sender.grant, refused):
            return sender
        if sender.grant.refresh_token is None:
            raise self._never_authorised(sender.alias)
        deadline = time.monotonic() + timeout
        with self._leases.hold(sender.id, lease=_REFRESH_LEASE, timeout=timeout):
            return self._renew(sender, refused, deadline)

    def _renew(self, asked: LoadedSender, refused: str | None, deadline: float) -> LoadedSender:
        """Renew a grant. No connection is held while Google is asked."""
        while True:
            sender = self._reload(asked, deadline)
            if _usable(sender.grant, refused):
                return sender
            if failure := _refused_since(sender, asked):
                raise failure
            with self._database.statement(timeout=_seconds_left(deadline)) as connection:
                client = self._clients.of_sender(connection, sender.sealed_client)
            try:
                grant = self._refreshing.refresh(
                    client, sender.grant, timeout=_seconds_left(deadline)
                )
            except GoogleFailure as failure:
                if failure.kind is FailureKind.GRANT and self._superseded(sender):
                    asked = sender  # a re-auth came in between: try with the new grant
                    continue
                self._record_refusal(sender, failure)
                raise
            if self._save(sender, grant):
                return replace(sender, grant=grant)
            # A re-auth came in between: its grant is the one to use.

    def _reload(self, asked: LoadedSender, deadline: float) -> LoadedSender:
        with self._database.statement(timeout=_seconds_left(deadline)) as connection:
            loaded = self._read(connection, asked.alias)
        if loaded is None or loaded.id != asked.id:
            raise SenderNotFound(
                f"Sender {asked.alias!r} was deleted while its access was being renewed.",
                alias=asked.alias,
            )
        return loaded

    def _superseded(self, sender: LoadedSender) -> bool:
        patience = time.monotonic() + DATABASE_PATIENCE
        return self._reload(sender, patience).generation != sender.generation

    def _save(self, sender: LoadedSender, grant: Grant) -> bool:
        """Store a renewed grant, unless a re-auth has stored a newer one."""
        values = {
            "id": sender.id,
            "generation": sender.generation,
            "token_json": self._vault.seal(grant.to_json()),
            "at": now(),
            "kept": list(SAID_BY_GMAIL),
        }
        # What Google said is recorded also where it took the caller's whole time.
        with self._database.statement(timeout=DATABASE_PATIENCE) as connection:
            return connection.execute(_SAVE, values).rowcount == 1

    def _record_refusal(self, sender: LoadedSender, failure: GoogleFailure) -> None:
        reason = explain(failure, alias=sender.alias, admin_url=self._settings.public_url)
        with self._database.transaction(timeout=DATABASE_PATIENCE) as connection:
            record_refusal(
                connection,
                failure,
                sender_id=sender.id,
                generation=sender.generation,
                reason=reason,
                who="job",
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
            grant=Grant.from_json(token_json) if token_json else Grant(refresh_token=None),
            sealed_client=row.credentials_json,
            status_changed_at=row.status_changed_at,
            last_error_code=row.last_error_code,
            last_error_at=row.last_error_at,
        )

    def _never_authorised(self, alias: str) -> ReauthRequired:
        page = self._settings.public_url
        return ReauthRequired(
            f"Sender {alias!r} was never authorised. Authorise it on {page}.",
            alias=alias,
            admin_url=page,
        )


def _seconds_left(deadline: float) -> float:
    return max(deadline - time.monotonic(), 0.001)


def _usable(grant: Grant, refused: str | None) -> bool:
    return grant.fresh and grant.access_token != refused


#: What the record says of a refusal that another caller has met.
_REFUSED = {
    ReauthRequired.code: (FailureKind.GRANT, "invalid_grant"),
    SenderBlocked.code: (FailureKind.ACCOUNT, "account_refused"),
}


def _refused_since(sender: LoadedSender, asked: LoadedSender) -> GoogleFailure | None:
    """Return the refusal that someone met while this caller waited: asking again would not help."""
    if sender.generation != asked.generation or sender.last_error_at == asked.last_error_at:
        return None
    if sender.last_error_code not in _REFUSED:
        return None
    kind, reason = _REFUSED[sender.last_error_code]
    return GoogleFailure(kind, reason, "another job was refused just now")

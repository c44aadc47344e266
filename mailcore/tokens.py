"""Tokens: row ↔ grant, and one refresh per sender however many ask."""

import time
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, text
from sqlmodel import Session, col

from mailcore.adoption import adopt
from mailcore.clients import Clients
from mailcore.clock import now
from mailcore.credentials import Grant
from mailcore.database import Database
from mailcore.encryption import Vault
from mailcore.errors import ReauthRequired, SenderNotFound
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.google.refreshing import Refreshing
from mailcore.models import SenderRow
from mailcore.moves import record_refusal
from mailcore.refusals import explain, record_code, to_error
from mailcore.registration import ALIAS
from mailcore.settings import Settings
from mailcore.views import SenderStatus

#: Seconds that a caller waits for an access token in all.
TOKEN_DEADLINE = 30.0

#: Made once, as every send asks it: SQLAlchemy adapts the answer to a statement made anew.
_BY_ALIAS = select(
    col(SenderRow.id),
    col(SenderRow.alias),
    col(SenderRow.gmail_account),
    col(SenderRow.display_name),
    col(SenderRow.status),
    col(SenderRow.generation),
    col(SenderRow.token_json),
    col(SenderRow.credentials_json),
    col(SenderRow.last_error_at),
).where(col(SenderRow.alias) == bindparam("alias"))

_SAVE = text("""
    UPDATE sender
    SET token_json = :token_json, last_refreshed_at = :at, updated_at = :at,
        last_error_code = NULL, last_error_text = NULL, last_error_at = NULL
    WHERE id = :id AND generation = :generation
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSender:
    """A sender with the grant that an attempt will use.

    Attributes:
        generation: of that grant; whatever the attempt learns counts for it alone.
        last_error_at: when something went wrong last, or None since the last success.
    """

    id: int
    alias: str
    gmail_account: str | None
    display_name: str | None
    status: SenderStatus
    generation: int
    grant: Grant
    sealed_client: str | None = field(repr=False)
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
        clients: Clients,
        refreshing: Refreshing,
    ) -> None:
        self._settings = settings
        self._database = database
        self._vault = vault
        self._clients = clients
        self._refreshing = refreshing

    def access_token(self, alias: str) -> str:
        """Return a valid access token of a sender, for any Gmail client.

        Args:
            alias: the sender.

        Raises:
            SenderNotFound: no sender has that alias.
            ReauthRequired: Google refuses the grant, or there is none.
            SenderBlocked: Google refuses the account.
            TemporaryFailure: Google or the database cannot be reached.
            RateLimited: Google asks to slow down.
            ConfigurationError: the OAuth client is refused or missing.
        """
        try:
            grant = self.fresh(self.load(alias), timeout=TOKEN_DEADLINE).grant
        except GoogleFailure as failure:
            raise to_error(failure, alias=alias, admin_url=self._settings.public_url) from failure
        assert grant.access_token is not None  # noqa: S101 - `fresh` promises it
        return grant.access_token

    def load(self, alias: str) -> LoadedSender:
        """Read a sender and its grant, in one statement.

        A sender without a grant takes one from gmail-sdk's files, if there is one for it.
        A database that cannot be reached is an error, never a reason to look there.

        Returns:
            The sender; one that was never authorised has an empty grant.

        Raises:
            SenderNotFound: no sender has that alias.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.statement() as connection:
            loaded = self._read(connection, alias)
        if loaded is not None and loaded.generation > 0:
            return loaded
        adopt(alias, settings=self._settings, database=self._database, vault=self._vault)
        with self._database.statement() as connection:
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
        with self._database.exclusive(sender.id, timeout=timeout) as session:
            # What failed is returned, not raised: its record must be committed.
            renewed = self._renew(session, sender, refused, deadline)
        if isinstance(renewed, GoogleFailure):
            raise renewed
        return renewed

    def _renew(
        self, session: Session, asked: LoadedSender, refused: str | None, deadline: float
    ) -> LoadedSender | GoogleFailure:
        while True:
            sender = self._reload(session, asked)
            if _usable(sender.grant, refused):
                return sender
            if failure := _refused_since(sender, asked):
                return failure
            try:
                client = self._clients.of_sender(session, sender.sealed_client)
                grant = self._refreshing.refresh(
                    client, sender.grant, timeout=max(deadline - time.monotonic(), 0.001)
                )
            except GoogleFailure as failure:
                if failure.kind is FailureKind.GRANT and self._superseded(session, sender):
                    asked = sender  # a re-auth came in between: try with the new grant
                    continue
                self._record_refusal(session, sender, failure)
                return failure
            if self._save(session, sender, grant):
                return replace(sender, grant=grant)
            # A re-auth came in between: its grant is the one to use.

    def _reload(self, session: Session, asked: LoadedSender) -> LoadedSender:
        loaded = self._read(session.connection(), asked.alias)
        if loaded is None or loaded.id != asked.id:
            raise SenderNotFound(
                f"Sender {asked.alias!r} was deleted while its access was being renewed.",
                alias=asked.alias,
            )
        return loaded

    def _superseded(self, session: Session, sender: LoadedSender) -> bool:
        return self._reload(session, sender).generation != sender.generation

    def _save(self, session: Session, sender: LoadedSender, grant: Grant) -> bool:
        """Store a renewed grant, unless a re-auth has stored a newer one."""
        saved = session.connection().execute(
            _SAVE,
            {
                "id": sender.id,
                "generation": sender.generation,
                "token_json": self._vault.seal(grant.to_json()),
                "at": now(),
            },
        )
        return saved.rowcount == 1

    def _record_refusal(
        self, session: Session, sender: LoadedSender, failure: GoogleFailure
    ) -> None:
        admin_url = self._settings.public_url
        record_refusal(
            session.connection(),
            failure,
            sender_id=sender.id,
            generation=sender.generation,
            code=record_code(failure),
            reason=explain(failure, alias=sender.alias, admin_url=admin_url),
            who="job",
        )

    def _read(self, connection: Connection, alias: str) -> LoadedSender | None:
        if not ALIAS.fullmatch(alias):  # Postgres would choke on some of what cannot be one
            return None
        row = connection.execute(_BY_ALIAS, {"alias": alias}).first()
        if row is None:
            return None
        token_json = row.token_json and self._vault.open(row.token_json)
        return LoadedSender(
            id=row.id,
            alias=row.alias,
            gmail_account=row.gmail_account,
            display_name=row.display_name,
            status=row.status,
            generation=row.generation,
            grant=Grant.from_json(token_json) if token_json else Grant(refresh_token=None),
            sealed_client=row.credentials_json,
            last_error_at=row.last_error_at,
        )

    def _never_authorised(self, alias: str) -> ReauthRequired:
        page = self._settings.public_url
        return ReauthRequired(
            f"Sender {alias!r} was never authorised. Authorise it on {page}.",
            alias=alias,
            admin_url=page,
        )


def _usable(grant: Grant, refused: str | None) -> bool:
    return grant.fresh and grant.access_token != refused


#: What a sender's status says of a refusal that another caller has met.
_REFUSED = {
    SenderStatus.EXPIRED: (FailureKind.GRANT, "invalid_grant"),
    SenderStatus.BLOCKED: (FailureKind.ACCOUNT, "account_refused"),
}


def _refused_since(sender: LoadedSender, asked: LoadedSender) -> GoogleFailure | None:
    """Return the refusal that someone met while this caller waited: asking again is idle."""
    if sender.generation != asked.generation or sender.last_error_at == asked.last_error_at:
        return None
    if sender.status not in _REFUSED:
        return None
    kind, reason = _REFUSED[sender.status]
    return GoogleFailure(kind, reason, "another job was refused just now")

"""Reading a sender with its grant, for whoever is to use it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from mailcore.clock import Deadline, ServerClock
from mailcore.google.credentials import Grant
from mailcore.google.scopes import DRAFT_SCOPES
from mailcore.grants.oauth_clients import SealedClient
from mailcore.senders.validation import ALIAS_PATTERN
from mailcore.status import SenderStatus
from mailcore.store.database import Database
from mailcore.store.encryption import Vault
from mailcore.store.sealed_columns import SENDER_GRANT

#: What `SenderReader.from_row` reads.
SENDER_COLUMNS = """id, alias, gmail_account, send_as, display_name, use_drafts, generation, status,
    token_json,
    grant_client_json, credentials_json, service_account,
    last_error_code, last_error_at, clock_timestamp() AS read_at"""

_BY_ALIAS = f"SELECT {SENDER_COLUMNS} FROM sender WHERE alias = %(alias)s"  # noqa: S608 - ours


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSender:
    """A sender with the grant that an attempt will use.

    Attributes:
        use_drafts: whether it shall send its mail as drafts.
        generation: of that grant; whatever the attempt learns counts for it alone.
        status: what Google last said of it.
        client: the client that renews it, as stored; None for the deployment's. Of a sender with
            a service account it is that one's key.
        service_account: the address of the service account that it sends with, or None.
        last_error_code: of what went wrong last, or None since the last success.
        last_error_at: when that was.
        postgres_clock: tells when a request goes out, for what is recorded of it.
    """

    id: int
    alias: str
    gmail_account: str | None
    send_as: tuple[str, ...]
    display_name: str | None
    use_drafts: bool
    generation: int
    status: SenderStatus
    grant: Grant
    client: SealedClient | None
    service_account: str | None
    last_error_code: str | None
    last_error_at: datetime | None
    postgres_clock: ServerClock

    @property
    def sends_drafts(self) -> bool:
        """Whether it shall send its mail as drafts, and the grant allows that."""
        return self.use_drafts and not DRAFT_SCOPES.isdisjoint(self.grant.scopes)

    def without_access_token(self) -> Self:
        """Return it with a grant that has to be renewed before it is used."""
        return replace(self, grant=self.grant.without_access_token())


class SenderReader:
    """Reads senders.

    Args:
        vault: opens their grants.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def by_alias(
        self, database: Database, alias: str, deadline: Deadline | None
    ) -> LoadedSender | None:
        """Read a sender, or return None where there is none."""
        if not ALIAS_PATTERN.fullmatch(alias):  # Postgres would choke on some of what cannot be one
            return None
        with database.connection(deadline) as connection:
            row = connection.run(_BY_ALIAS, {"alias": alias}).fetchone()
        # Outside of it: opening may have to ask the database something of its own.
        return None if row is None else self.from_row(row)

    def from_row(self, row: Any) -> LoadedSender:
        """Open what was read just now with `SENDER_COLUMNS`.

        Raises:
            ConfigurationError: the grant cannot be opened.
        """
        clock = ServerClock(row.read_at)
        token_json = row.token_json and self._vault.open(row.token_json, SENDER_GRANT.at(row.alias))
        return LoadedSender(
            id=row.id,
            alias=row.alias,
            gmail_account=row.gmail_account,
            send_as=tuple(row.send_as),
            display_name=row.display_name,
            use_drafts=row.use_drafts,
            generation=row.generation,
            status=SenderStatus(row.status),
            grant=Grant.from_json(token_json) if token_json else Grant(refresh_token=None),
            client=SealedClient.of_grant(row.alias, row.grant_client_json, row.credentials_json),
            service_account=row.service_account,
            last_error_code=row.last_error_code,
            last_error_at=row.last_error_at,
            postgres_clock=clock,
        )

"""The deployment's OAuth client: from the environment, or as the Setup page stored it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from mailcore.clock import now
from mailcore.errors import ConfigurationError
from mailcore.google.credentials import ClientInfo, OAuthClient
from mailcore.google.service_accounts import ServiceAccount
from mailcore.settings import Settings
from mailcore.store.connection import Connection
from mailcore.store.database import Database
from mailcore.store.encryption import Vault
from mailcore.store.sealed_columns import DEPLOYMENT_CLIENT, GRANT_CLIENT, SENDER_CLIENT

_NO_CLIENT_REMEDY = (
    "Set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET, or GOOGLE_CREDENTIALS_FILE, or upload "
    "credentials.json on the Setup page."
)

_STORED = "SELECT credentials_json FROM deployment"
_KEEP = """
    INSERT INTO deployment (id, credentials_json, updated_at, updated_by)
    VALUES (1, %(sealed)s, %(at)s, %(by)s)
    ON CONFLICT (id) DO UPDATE
    SET credentials_json = %(sealed)s, updated_at = %(at)s, updated_by = %(by)s
"""


@dataclass(frozen=True, slots=True)
class SealedClient:
    """A client as it is stored with a sender.

    Attributes:
        stored: sealed, where keys are set.
        place: the only one that it opens at.
    """

    stored: str = field(repr=False)
    place: str

    @classmethod
    def of_sender(cls, alias: str, credentials_json: str | None) -> Self | None:
        """Return what a sender's row holds as its own client, or None."""
        return cls(credentials_json, SENDER_CLIENT.at(alias)) if credentials_json else None

    @classmethod
    def of_grant(
        cls, alias: str, grant_client_json: str | None, credentials_json: str | None
    ) -> Self | None:
        """Return the client that renews a sender's grant, or None for the deployment's."""
        if grant_client_json:
            return cls(grant_client_json, GRANT_CLIENT.at(alias))
        return cls.of_sender(alias, credentials_json)


class OAuthClients:
    """Finds the client that asks Google on the senders' behalf. The environment wins.

    Args:
        settings: the environment.
        database: where the Setup page's client is.
        vault: seals it.
    """

    def __init__(self, settings: Settings, database: Database, vault: Vault) -> None:
        self._settings = settings
        self._database = database
        self._vault = vault

    def of_sender(self, connection: Connection, sealed: SealedClient | None) -> OAuthClient:
        """Return a sender's own client if it has one, else the deployment's.

        Args:
            connection: to the database.
            sealed: the client of the sender, or of its grant; None for the deployment's.

        Raises:
            ConfigurationError: there is none, or it cannot be read.
        """
        if sealed is not None:
            opened = self._vault.open(sealed.stored, sealed.place)
            return OAuthClient.from_json(opened, source="The sender's own client")
        found = self._find(connection)
        if found is None:
            raise no_client()
        return found[0]

    def service_account(self, sealed: SealedClient | None) -> ServiceAccount:
        """Return the key of a sender's service account, which is stored as its client.

        Raises:
            ConfigurationError: it cannot be read.
        """
        opened = self._vault.open(sealed.stored, sealed.place) if sealed else ""
        return ServiceAccount.from_json(opened, source="The sender's service account")

    def current(self) -> ClientInfo | None:
        """Return the deployment's client and where it is set, or None.

        Raises:
            ConfigurationError: it is set and cannot be read.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.connection() as connection:
            found = self._find(connection)
        return found and _info(*found)

    def deployment(self) -> OAuthClient | None:
        """Return the deployment's client with its secret: never for display."""
        with self._database.connection() as connection:
            found = self._find(connection)
        return found and found[0]

    def store(self, credentials_json: str, *, by: str) -> ClientInfo:
        """Keep a client for the deployment.

        Args:
            credentials_json: the file as Google's console hands it out.
            by: who does it.

        Raises:
            ConfigurationError: it is not such a file.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        return self._store(OAuthClient.from_json(credentials_json, source="The upload"), by)

    def store_pair(self, client_id: str, client_secret: str, *, by: str) -> ClientInfo:
        """Keep a client for the deployment, given by its id and secret.

        Raises:
            ConfigurationError: one of them is empty.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        client = OAuthClient(client_id=client_id.strip(), client_secret=client_secret.strip())
        if not client.client_id or not client.client_secret:
            raise ConfigurationError("Enter both the client id and the client secret.")
        return self._store(client, by)

    def remove(self, *, by: str) -> None:
        """Forget the stored client; one from the environment stays.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        self._write(None, by)

    def _store(self, client: OAuthClient, by: str) -> ClientInfo:
        self._write(self._vault.seal(client.to_json(), DEPLOYMENT_CLIENT.at()), by)
        return _info(client, "Setup page")

    def _write(self, sealed: str | None, by: str) -> None:
        with self._database.connection() as connection:
            connection.run(_KEEP, {"sealed": sealed, "at": now(), "by": by})

    def _find(self, connection: Connection) -> tuple[OAuthClient, str] | None:
        settings = self._settings
        if settings.google_client_id and settings.google_client_secret:
            secret = settings.google_client_secret.get_secret_value()
            client = OAuthClient(client_id=settings.google_client_id, client_secret=secret)
            return client, "GOOGLE_CLIENT_ID"
        if settings.google_credentials_file is not None:
            return _from_file(settings.google_credentials_file), "GOOGLE_CREDENTIALS_FILE"
        row = connection.run(_STORED).fetchone()
        if row is None or row.credentials_json is None:
            return None
        stored = self._vault.open(row.credentials_json, DEPLOYMENT_CLIENT.at())
        return OAuthClient.from_json(stored, source="The stored client"), "Setup page"


def no_client() -> ConfigurationError:
    """Return the error of a deployment without an OAuth client."""
    return ConfigurationError("No OAuth client is set up.", remedy=_NO_CLIENT_REMEDY)


def _info(client: OAuthClient, source: str) -> ClientInfo:
    return ClientInfo(client_id=client.client_id, source=source, redirect_uris=client.redirect_uris)


def _from_file(path: Path) -> OAuthClient:
    try:
        content = path.expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError) as exc:
        raise ConfigurationError(
            f"GOOGLE_CREDENTIALS_FILE: {path} cannot be read.",
            remedy="Example: /etc/pal-e-mail/credentials.json",
        ) from exc
    return OAuthClient.from_json(content, source=f"GOOGLE_CREDENTIALS_FILE ({path})")

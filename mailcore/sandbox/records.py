"""The sandbox's records: accounts, clients, consents, grants, tokens."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal


@dataclass(frozen=True)
class Account:
    """A made-up Google account.

    Attributes:
        email: its address.
        subject: the identifier that never changes (``sub``).
    """

    email: str
    subject: str


@dataclass(frozen=True)
class Client:
    """An OAuth client, as registered in Google's console.

    Attributes:
        client_id: its public name.
        client_secret: its password.
    """

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True)
class ServiceAccount:
    """A service account of the Google Cloud project.

    Attributes:
        email: its address.
        client_id: by which a Workspace's admin allows it to act for mailboxes.
        key_json: its key, as the file that Google's console hands out.
    """

    email: str
    client_id: str
    key_json: str = field(repr=False)


@dataclass
class Grant:
    """What one person allowed one client to do."""

    account: Account
    client_id: str
    scopes: tuple[str, ...]
    ends_at: datetime | None
    refresh_token: str | None = field(repr=False)
    ended: Literal["expired", "revoked"] | None = None

    def status(self) -> Literal["active", "expired", "revoked"]:
        """Say whether the grant is still valid, and if not, why."""
        if self.ended:
            return self.ended
        expired = self.ends_at is not None and self.ends_at <= datetime.now(UTC)
        return "expired" if expired else "active"


@dataclass
class AccessToken:
    """A bearer token, good for a short while."""

    value: str = field(repr=False)
    grant: Grant
    expires_at: datetime


@dataclass(frozen=True)
class Consent:
    """What a person allowed on the consent page, which a code stands for."""

    account: Account
    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    code_challenge: str | None = field(repr=False)
    nonce: str | None = field(repr=False)
    offline: bool
    renewed: bool

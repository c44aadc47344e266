"""Grants and OAuth clients, and the JSON forms in which they are stored."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from mailcore.clock import now
from mailcore.errors import ConfigurationError

#: An access token with less left than this is refreshed first. Google's libraries take
#: 3 min 45 s; a job that was handed one still has time to use it.
REFRESH_MARGIN = timedelta(minutes=4)

_DOWNLOAD = (
    "Download it from Google's console: APIs & Services, Credentials, your OAuth 2.0 client, "
    "Download JSON."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a consent gave us.

    Attributes:
        refresh_token: lives until Google ends the grant.
        access_token: what requests carry, or None where only a refresh token is known.
        access_expires_at: when the access token ends, aware UTC.
        scopes: what was granted, full URL form.
    """

    refresh_token: str | None = field(repr=False)
    access_token: str | None = field(default=None, repr=False)
    access_expires_at: datetime | None = None
    scopes: tuple[str, ...] = ()

    @property
    def fresh(self) -> bool:
        """The access token can be used as it is."""
        return (
            self.access_token is not None
            and self.access_expires_at is not None
            and self.access_expires_at - now() > REFRESH_MARGIN
        )

    def without_access_token(self) -> Self:
        """Return it with nothing but what can be renewed."""
        return replace(self, access_token=None, access_expires_at=None)

    def to_json(self) -> str:
        """Return the stored form."""
        return json.dumps(
            {
                "refresh_token": self.refresh_token,
                "access_token": self.access_token,
                "access_expires_at": self.access_expires_at and self.access_expires_at.isoformat(),
                "scopes": self.scopes,
            }
        )

    @classmethod
    def from_json(cls, stored: str) -> Self:
        """Read the stored form."""
        values = json.loads(stored)
        expires_at = values["access_expires_at"]
        return cls(
            refresh_token=values["refresh_token"],
            access_token=values["access_token"],
            access_expires_at=datetime.fromisoformat(expires_at).astimezone(UTC)
            if expires_at
            else None,
            scopes=tuple(values["scopes"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """A client of a Google Cloud project.

    Attributes:
        redirect_uris: to which Google sends people back, as its file says; None where no file
            says so. Google's console may know more by now.
    """

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...] | None = None

    def to_json(self) -> str:
        """Return the stored form, which is also Google's download form."""
        client: dict[str, Any] = {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        if self.redirect_uris is not None:
            client["redirect_uris"] = self.redirect_uris
        return json.dumps({"web": client})

    @classmethod
    def from_json(cls, text: str, *, source: str) -> Self:
        """Read a ``credentials.json`` as Google's console hands it out.

        Both kinds are taken, *web* and *installed*. The addresses in it are not used:
        endpoints come from the settings alone.

        Args:
            text: the file's content.
            source: where it is from, for the error's text.

        Raises:
            ConfigurationError: it is not such a file.
        """
        try:
            document: Any = json.loads(text)
            client = document.get("web") or document.get("installed") or document
            found = cls(
                client_id=client["client_id"].strip(),
                client_secret=client["client_secret"].strip(),
                # A desktop client's file lists none that Google compares.
                redirect_uris=None if "installed" in document else _redirect_uris(client),
            )
        except (ValueError, AttributeError, TypeError, KeyError) as exc:
            raise ConfigurationError(
                f"{source} is not an OAuth client file.", remedy=_DOWNLOAD
            ) from exc
        if not found.client_id or not found.client_secret:
            raise ConfigurationError(
                f"The client id or secret in {source} is empty.", remedy=_DOWNLOAD
            )
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientInfo:
    """The deployment's OAuth client, without its secret.

    Attributes:
        source: where it is set.
        redirect_uris: as in `OAuthClient`.
    """

    client_id: str
    source: str
    redirect_uris: tuple[str, ...] | None = None


def _redirect_uris(client: dict[str, Any]) -> tuple[str, ...] | None:
    listed = client.get("redirect_uris")
    return tuple(map(str, listed)) if isinstance(listed, list) else None

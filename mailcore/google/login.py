"""What the admin page needs to have Google say who is looking (OpenID Connect)."""

import hashlib
import hmac
from dataclasses import dataclass, field

from mailcore.google.credentials import OAuthClient
from mailcore.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSettings:
    """An OpenID Connect login.

    Attributes:
        client_id: of the deployment's OAuth client.
        client_secret: of the same.
        server_metadata_url: the issuer's discovery document.
        redirect_uri: where the issuer sends people back to; its console must list it.
        cookie_secret: signs the login's cookie; the same after a restart.
    """

    client_id: str
    client_secret: str = field(repr=False)
    server_metadata_url: str
    redirect_uri: str
    cookie_secret: str = field(repr=False)


def login_settings(settings: Settings, client: OAuthClient) -> LoginSettings:
    """Return the login that goes with the deployment's client."""
    cookie_secret = hmac.digest(client.client_secret.encode(), b"pal-e-mail login", hashlib.sha256)
    return LoginSettings(
        client_id=client.client_id,
        client_secret=client.client_secret,
        server_metadata_url=f"{settings.google_issuer}/.well-known/openid-configuration",
        redirect_uri=f"{settings.public_url.rstrip('/')}/oauth2callback",
        cookie_secret=cookie_secret.hex(),
    )

"""What points pal-e-mail, or any client of Google's, at the sandbox."""

import json

from mailcore.sandbox.records import Client


def auth_uri(origin: str) -> str:
    """Return the authorization endpoint: the consent page."""
    return f"{origin}/o/oauth2/v2/auth"


def token_uri(origin: str) -> str:
    """Return the token endpoint."""
    return f"{origin}/token"


def environment(origin: str, client: Client) -> dict[str, str]:
    """Return pal-e-mail's environment variables.

    Args:
        origin: where the sandbox is served, without a slash at the end.
        client: an OAuth client that is registered there.
    """
    return {
        "GOOGLE_CLIENT_ID": client.client_id,
        "GOOGLE_CLIENT_SECRET": client.client_secret,
        "PALEMAIL_GOOGLE_AUTH_URI": auth_uri(origin),
        "PALEMAIL_GOOGLE_TOKEN_URI": token_uri(origin),
        "PALEMAIL_GOOGLE_REVOKE_URI": f"{origin}/revoke",
        "PALEMAIL_GMAIL_API_ENDPOINT": f"{origin}/",
    }


def credentials_json(origin: str, client: Client) -> str:
    """Return a client as the file that Google's console hands out for a web application.

    Args:
        origin: where the sandbox is served, without a slash at the end.
        client: an OAuth client that is registered there.
    """
    web = {
        "client_id": client.client_id,
        "project_id": "sandbox",
        "auth_uri": auth_uri(origin),
        "token_uri": token_uri(origin),
        "client_secret": client.client_secret,
    }
    return json.dumps({"web": web})

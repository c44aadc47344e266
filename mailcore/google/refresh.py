"""Renewing an access token (RFC 6749 section 6)."""

from mailcore.clock import Deadline
from mailcore.google.credentials import Grant, OAuthClient
from mailcore.google.token_endpoint import TokenEndpoint, unreadable
from mailcore.google.token_response import UNREADABLE, read_grant
from mailcore.google.transport import Transport


class TokenRefresh:
    """Renews grants at Google's token endpoint, or a stand-in's.

    Args:
        token_uri: its address.
        transport: the pooled connections.
    """

    def __init__(self, token_uri: str, transport: Transport) -> None:
        self._endpoint = TokenEndpoint(token_uri, transport)

    def refresh(self, client: OAuthClient, grant: Grant, *, deadline: Deadline) -> Grant:
        """Fetch a new access token, in one attempt.

        Args:
            client: the OAuth client that the grant was given to.
            grant: the one to renew.
            deadline: when all of it ends; in `token_endpoint.TOKEN_TIMEOUT` seconds at the
                latest.

        Returns:
            The grant with the new access token, and the new refresh token if one came.

        Raises:
            GoogleFailure: the token endpoint refused, or could not be reached.
        """
        fields = {
            "grant_type": "refresh_token",
            "refresh_token": grant.refresh_token or "",
            "client_id": client.client_id,
            "client_secret": client.client_secret,
        }
        answer = self._endpoint.request(fields, deadline=deadline)
        try:
            return read_grant(answer, grant)
        except UNREADABLE as exc:
            raise unreadable() from exc

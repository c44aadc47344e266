"""Renewing an access token (RFC 6749 section 6)."""

import json
from urllib.parse import urlencode

from mailcore.google.credentials import Grant, OAuthClient
from mailcore.google.failures import FailureKind, GoogleFailure, token_failure
from mailcore.google.token_response import UNREADABLE, read_grant
from mailcore.google.transport import Transport

#: Seconds that the token endpoint has to answer.
TOKEN_TIMEOUT = 10.0


class TokenRefresh:
    """Google's token endpoint, or a stand-in's.

    google-auth's own refresh repeats by itself and loses the HTTP status; what a failure
    means is decided here, so the POST is made here.

    Args:
        token_uri: its address.
        transport: the pooled connections.
    """

    def __init__(self, token_uri: str, transport: Transport) -> None:
        self._token_uri = token_uri
        self._transport = transport

    def refresh(self, client: OAuthClient, grant: Grant, *, timeout: float) -> Grant:
        """Fetch a new access token, in one attempt.

        Args:
            client: the OAuth client that the grant was given to.
            grant: the one to renew.
            timeout: seconds to wait for the answer; never more than `TOKEN_TIMEOUT`.

        Returns:
            The grant with the new access token, and the new refresh token if one came.

        Raises:
            GoogleFailure: the token endpoint refused, or could not be reached.
        """
        body = urlencode(
            {
                "grant_type": "refresh_token",
                "refresh_token": grant.refresh_token,
                "client_id": client.client_id,
                "client_secret": client.client_secret,
            }
        )
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        try:
            answer = self._transport.post(
                self._token_uri, body, headers, timeout=min(timeout, TOKEN_TIMEOUT)
            )
        except GoogleFailure as exc:  # a refresh may be repeated, so an unknown end is none
            raise GoogleFailure(FailureKind.TEMPORARY, exc.reason, exc.text) from exc
        if answer.status != 200:  # noqa: PLR2004 - RFC 6749 section 5.1
            names = {name.lower(): value for name, value in answer.headers.items()}
            raise token_failure(answer.status, names, answer.data)
        try:
            return read_grant(json.loads(answer.data), grant)
        except UNREADABLE as exc:
            raise GoogleFailure(
                FailureKind.TEMPORARY, "garbled_answer", "Google's answer could not be read"
            ) from exc

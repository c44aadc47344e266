"""Google's token endpoint (RFC 6749 section 3.2), for renewals and for code exchanges."""

import base64
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus, urlencode

from mailcore.clock import Deadline
from mailcore.google.credentials import OAuthClient
from mailcore.google.failures import FailureKind, GoogleFailure, token_failure
from mailcore.google.transport import Transport

#: Seconds that the token endpoint has to answer.
TOKEN_TIMEOUT = 10.0


class TokenEndpoint:
    """Google's token endpoint, or a stand-in's.

    google-auth repeats by itself and loses the HTTP status, and requests brings certificates
    and proxy rules of its own. So the POST is made here.

    Args:
        uri: its address.
        transport: the pooled connections.
    """

    def __init__(self, uri: str, transport: Transport) -> None:
        self._uri = uri
        self._transport = transport

    def request(
        self, fields: Mapping[str, str], *, deadline: Deadline, basic: OAuthClient | None = None
    ) -> dict[str, Any]:
        """Ask for tokens, in one attempt.

        Args:
            fields: the form.
            deadline: when all of it ends; in `TOKEN_TIMEOUT` seconds at the latest.
            basic: the client, where it identifies itself by HTTP Basic (RFC 6749 section 2.3.1).

        Returns:
            The decoded JSON.

        Raises:
            GoogleFailure: the token endpoint refused, or could not be reached.
        """
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        if basic is not None:
            headers["Authorization"] = _basic(basic)
        try:
            answer = self._transport.post(
                self._uri, urlencode(fields), headers, deadline=deadline.at_most(TOKEN_TIMEOUT)
            )
        except GoogleFailure as exc:
            if exc.kind is not FailureKind.UNKNOWN:
                raise
            # Tokens may be asked for again, so a lost answer is no open question.
            raise GoogleFailure(FailureKind.TEMPORARY, exc.reason, exc.text) from exc
        if answer.status != HTTPStatus.OK:
            raise token_failure(answer)
        try:
            document = answer.json()
        except ValueError as exc:
            raise unreadable() from exc
        if not isinstance(document, dict):
            raise unreadable()
        return document


def unreadable() -> GoogleFailure:
    """Return the failure of a success that cannot be read."""
    return GoogleFailure(
        FailureKind.TEMPORARY, "garbled_answer", "Google's response could not be read"
    )


def _basic(client: OAuthClient) -> str:
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    return f"Basic {base64.b64encode(pair.encode('ascii')).decode('ascii')}"

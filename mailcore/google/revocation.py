"""Handing a grant back to Google (RFC 7009)."""

from http import HTTPStatus
from urllib.parse import urlencode

from mailcore.clock import Deadline
from mailcore.google.connection import Answer
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.google.transport import Transport

_TIMEOUT = 10.0


class TokenRevocation:
    """Google's revocation endpoint, or a stand-in's.

    Args:
        revoke_uri: its address.
        transport: the pooled connections.
    """

    def __init__(self, revoke_uri: str, transport: Transport) -> None:
        self._revoke_uri = revoke_uri
        self._transport = transport

    def revoke(self, refresh_token: str) -> None:
        """End a grant, with every token of it, in one attempt of at most ten seconds.

        Google ends all that the account has granted to the OAuth client's project
        (https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke).

        Raises:
            GoogleFailure: it could not be asked, or did not do it.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self._transport.post(
            self._revoke_uri,
            urlencode({"token": refresh_token}),
            headers,
            deadline=Deadline(_TIMEOUT),
        )
        if answer.status != HTTPStatus.OK and not _has_ended(answer):
            reason = f"http_{int(answer.status)}"
            raise GoogleFailure(FailureKind.TEMPORARY, reason, "Google did not revoke the grant")


def _has_ended(answer: Answer) -> bool:
    """Google answers 400 ``invalid_token`` for a token that has already ended."""
    try:
        document = answer.json()
    except ValueError:  # a proxy's page
        return False
    return isinstance(document, dict) and document.get("error") == "invalid_token"

"""Handing a grant back to Google (RFC 7009)."""

from http import HTTPStatus
from urllib.parse import urlencode

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
            self._revoke_uri, urlencode({"token": refresh_token}), headers, timeout=_TIMEOUT
        )
        # Google says 400 of a token that has ended already.
        if answer.status not in {HTTPStatus.OK, HTTPStatus.BAD_REQUEST}:
            reason = f"http_{int(answer.status)}"
            raise GoogleFailure(FailureKind.TEMPORARY, reason, "Google did not revoke the grant")

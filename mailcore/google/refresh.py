"""Renewing an access token: with a refresh token, or with a service account's key."""

from collections.abc import Sequence

from mailcore.clock import Deadline
from mailcore.google.credentials import Grant, OAuthClient
from mailcore.google.failures import GoogleFailure
from mailcore.google.service_accounts import ServiceAccount, judged
from mailcore.google.token_endpoint import TokenEndpoint, unreadable
from mailcore.google.token_response import UNREADABLE, read_grant
from mailcore.google.transport import Transport

_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class TokenRefresh:
    """Renews grants at Google's token endpoint, or a stand-in's.

    Args:
        token_uri: its address.
        transport: the pooled connections.
    """

    def __init__(self, token_uri: str, transport: Transport) -> None:
        self._endpoint = TokenEndpoint(token_uri, transport)
        self._token_uri = token_uri

    def refresh(self, client: OAuthClient, grant: Grant, *, deadline: Deadline) -> Grant:
        """Fetch a new access token, in one attempt (RFC 6749 section 6).

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
        return self._request(fields, grant, deadline)

    def by_service_account(
        self, account: ServiceAccount, mailbox: str, scopes: Sequence[str], *, deadline: Deadline
    ) -> Grant:
        """Fetch an access token to a mailbox of the Workspace, in one attempt (RFC 7523).

        Args:
            account: may act for it.
            mailbox: its address.
            scopes: what the token shall allow.
            deadline: as for `refresh`.

        Returns:
            A grant without a refresh token: the key takes its place.

        Raises:
            GoogleFailure: as `refresh`; that it may not is of the kind ``ACCOUNT``.
        """
        assertion = account.assertion(mailbox=mailbox, scopes=scopes, audience=self._token_uri)
        fields = {"grant_type": _JWT_BEARER, "assertion": assertion}
        before = Grant(refresh_token=None, scopes=tuple(scopes))
        try:
            return self._request(fields, before, deadline)
        except GoogleFailure as failure:
            raise judged(failure, account, scopes) from failure

    def _request(self, fields: dict[str, str], before: Grant, deadline: Deadline) -> Grant:
        answer = self._endpoint.request(fields, deadline=deadline)
        try:
            return read_grant(answer, before)
        except UNREADABLE as exc:
            raise unreadable() from exc

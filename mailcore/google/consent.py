"""Google's consent: the link, the code exchange, and who consented.

Sources: RFC 6749, RFC 7636 (PKCE), OpenID Connect Core 3.1.3.7, and Google's guide
(https://developers.google.com/identity/protocols/oauth2/web-server).
"""

import base64
import hashlib
import logging
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import google.auth.jwt
from google_auth_oauthlib.flow import Flow

from mailcore.clock import Deadline, now
from mailcore.errors import IdentityMissing
from mailcore.google.credentials import Grant, OAuthClient
from mailcore.google.token_endpoint import TOKEN_TIMEOUT, TokenEndpoint, unreadable
from mailcore.google.token_response import UNREADABLE, read_grant
from mailcore.google.transport import Transport
from mailcore.settings import GOOGLE_ISSUER, Settings, is_loopback

# At DEBUG it would log states.
logging.getLogger("requests_oauthlib.oauth2_session").addFilter(lambda _record: False)

_GOOGLE_ISSUERS = frozenset({GOOGLE_ISSUER, GOOGLE_ISSUER.removeprefix("https://")})
#: Clocks differ by so much (OpenID Connect Core 3.1.3.7 leaves the leeway to us).
_LEEWAY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentLink:
    """Where to send the person, and what proves the answer to be theirs."""

    url: str = field(repr=False)
    code_verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """What a consent brought.

    Attributes:
        grant: its tokens; the refresh token is None where Google sent none.
        id_token: says who consented, or None where Google sent none.
        lasts: how long Google lets the grant live, where it says so.
    """

    grant: Grant
    id_token: str | None = field(repr=False)
    lasts: timedelta | None


class GoogleAccount(NamedTuple):
    """Who consented.

    Attributes:
        email: the mailbox's address, which can be given to somebody else one day.
        sub: Google's own name for the account, which never changes.
        workspace: the domain of the Google Workspace that the account belongs to, or None.
    """

    email: str
    sub: str
    workspace: str | None = None


class Consent:
    """Google's authorization and token endpoints, or a stand-in's.

    Args:
        settings: the endpoints.
        transport: the pooled connections.
    """

    def __init__(self, settings: Settings, transport: Transport) -> None:
        self._auth_uri = settings.google_auth_uri
        self._issuer = settings.google_issuer
        self._tokens = TokenEndpoint(settings.google_token_uri, transport)
        if is_loopback(self._auth_uri) and self._auth_uri.startswith("http:"):
            # oauthlib refuses plain http otherwise. Settings allow it for loopback alone.
            os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

    def consent_link(
        self,
        client: OAuthClient,
        *,
        redirect_uri: str,
        state: str,
        account: str | None,
        choose_account: bool,
        scopes: Sequence[str],
    ) -> ConsentLink:
        """Build the link to the consent screen.

        Args:
            client: the OAuth client that asks.
            redirect_uri: where Google sends the person back to.
            state: proves the answer to belong to this link (RFC 6749 section 10.12).
            account: the mailbox to suggest. A hint: Google cannot be made to insist on it.
            choose_account: show Google's account chooser first.
            scopes: what it asks for.
        """
        config = {
            "web": {
                "client_id": client.client_id,
                "client_secret": client.client_secret,
                "auth_uri": self._auth_uri,
                "token_uri": "",  # the exchange is made here, over the same transport as mail
            }
        }
        flow = Flow.from_client_config(config, scopes, redirect_uri=redirect_uri)
        url, _ = flow.authorization_url(
            access_type="offline",
            prompt="select_account consent" if choose_account else "consent",
            state=state,
            **({"login_hint": account} if account else {}),
        )
        return ConsentLink(url=url, code_verifier=flow.code_verifier)

    def login_link(
        self, client: OAuthClient, *, redirect_uri: str, state: str, workspace: str | None
    ) -> ConsentLink:
        """Build the link by which a person shows who they are, and allows nothing.

        Args:
            client: the OAuth client that asks.
            redirect_uri: where Google sends the person back to.
            state: proves the answer to belong to this link.
            workspace: the Workspace whose accounts to offer, or None for any. A hint, too.
        """
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        query = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid email",
            "state": state,
            "prompt": "select_account",
            "code_challenge": challenge.decode().rstrip("="),
            "code_challenge_method": "S256",
            **({"hd": workspace} if workspace else {}),
        }
        return ConsentLink(url=f"{self._auth_uri}?{urlencode(query)}", code_verifier=verifier)

    def exchange(
        self,
        client: OAuthClient,
        *,
        code: str,
        code_verifier: str,
        redirect_uri: str,
        scopes: Sequence[str] = (),
    ) -> Exchanged:
        """Trade the code for tokens.

        Args:
            client: the OAuth client that has asked.
            code: what Google sent the person back with.
            code_verifier: of the link.
            redirect_uri: of the link.
            scopes: what was asked for: no scope in the answer means that all of it was granted
                (RFC 6749 section 5.1).

        Raises:
            GoogleFailure: the token endpoint refused, or could not be reached.
        """
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": code_verifier,
            "redirect_uri": redirect_uri,
        }
        answer = self._tokens.request(fields, deadline=Deadline(TOKEN_TIMEOUT), basic=client)
        try:
            lasts = answer.get("refresh_token_expires_in")
            return Exchanged(
                grant=read_grant(answer, Grant(refresh_token=None, scopes=tuple(scopes))),
                id_token=answer.get("id_token"),
                lasts=timedelta(seconds=float(lasts)) if lasts else None,
            )
        except UNREADABLE as exc:
            raise unreadable() from exc

    def account(self, exchanged: Exchanged, client: OAuthClient) -> GoogleAccount:
        """Return who consented, from the ID token.

        It came straight from the token endpoint, so TLS stands for the signature check
        (OpenID Connect Core 3.1.3.7); its claims are checked all the same.

        Raises:
            IdentityMissing: the answer does not prove who consented.
        """
        try:
            claims: Mapping[str, Any] = google.auth.jwt.decode(  # type: ignore[no-untyped-call]
                exchanged.id_token or "", verify=False
            )
            issuer = str(claims["iss"])
            account = GoogleAccount(
                email=str(claims["email"]), sub=str(claims["sub"]), workspace=claims.get("hd")
            )
            as_expected = self._is_expected(issuer)
            proven = (
                client.client_id in _as_list(claims["aud"])
                and float(claims["exp"]) > (now() - _LEEWAY).timestamp()
                and claims.get("email_verified") in (True, "true")
            )
        except UNREADABLE:
            # google-auth's own error would print the token.
            raise IdentityMissing(_NO_IDENTITY, remedy=_PROVE_IDENTITY) from None
        if not as_expected:
            raise IdentityMissing(
                "Google's response does not prove which mailbox consented: its ID token was "
                f"issued by {issuer[:200]!r}, but exactly {self._issuer!r} was expected (localhost "
                "is not 127.0.0.1).",
                remedy="Check PALEMAIL_GOOGLE_TOKEN_URI.",
            )
        if not proven:
            raise IdentityMissing(_NO_IDENTITY, remedy=_PROVE_IDENTITY)
        return account

    def _is_expected(self, issuer: str) -> bool:
        if self._issuer == GOOGLE_ISSUER:
            return issuer in _GOOGLE_ISSUERS
        return "{0.scheme}://{0.netloc}".format(urlsplit(issuer)) == self._issuer


_NO_IDENTITY = (
    "Google's response does not prove which mailbox consented: its ID token is missing, not "
    "meant for this client, out of date, or without a verified address."
)
_PROVE_IDENTITY = (
    "Start the re-auth again. If that does not help, check this machine's clock and the OAuth "
    "client."
)


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]

"""The token endpoint, revocation, and what a login needs: ID tokens, discovery and keys."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.requests import Request
from starlette.responses import Response

from mailcore.sandbox import scopes
from mailcore.sandbox.records import Client, Consent, Grant
from mailcore.sandbox.responses import (
    NO_STORE,
    Refusal,
    json_answer,
    oauth_refusal,
)
from mailcore.sandbox.service_accounts import JWT_BEARER, ServiceAccounts
from mailcore.sandbox.state import State
from mailcore.sandbox.traffic import Traffic

_EXPIRED = "Token has been expired or revoked."


@cache
def _signing_key() -> RSAKey:
    """Return the key that signs ID tokens; one a process, since making one takes a while."""
    return RSAKey.generate_key(2048, parameters={"use": "sig", "alg": "RS256", "kid": "sandbox"})


class TokenEndpoints:
    """Exchanges codes, refreshes and revokes tokens, and says who consented.

    Args:
        state: who may do what.
        service_accounts: who may do it without a consent.
        traffic: what every request has to pass.
        issuer: the sandbox's own origin, which it names as ``iss``.
    """

    def __init__(
        self, state: State, service_accounts: ServiceAccounts, traffic: Traffic, issuer: str
    ) -> None:
        self._state = state
        self._service_accounts = service_accounts
        self._traffic = traffic
        self._issuer = issuer

    async def token(self, request: Request) -> Response:
        """Answer ``POST /token`` (RFC 6749, sections 4.1.3 and 6, and RFC 7523)."""
        form = dict(parse_qsl((await request.body()).decode()))
        if form.get("code_verifier"):
            self._state.remember(form["code_verifier"])

        async def refresh() -> Response:
            return self._answer(lambda: self._refresh(request, form))

        async def exchange() -> Response:
            return self._answer(lambda: self._exchange(request, form))

        if form.get("grant_type") == "refresh_token":
            grant = self._state.grant_of_refresh_token(form.get("refresh_token", ""))
            email = grant.account.email if grant else None
            return await self._traffic.serve(request, "refresh", email, refresh)
        if form.get("grant_type") == JWT_BEARER:
            assertion = form.get("assertion", "")

            async def assertion_for_access() -> Response:
                return self._answer(lambda: self._assert(assertion))

            email = self._service_accounts.mailbox_of(assertion)
            return await self._traffic.serve(request, "refresh", email, assertion_for_access)
        email = self._state.account_of_code(form.get("code", ""))
        return await self._traffic.serve(request, "exchange", email, exchange)

    async def revoke(self, request: Request) -> Response:
        """Answer ``POST /revoke`` (RFC 7009, with Google's answers)."""
        form = dict(parse_qsl((await request.body()).decode()))
        token = form.get("token") or request.query_params.get("token", "")
        email = self._state.account_of_access_token(token)
        grant = self._state.grant_of_refresh_token(token)

        async def work() -> Response:
            if self._state.revoke_token(token):
                return json_answer({}, NO_STORE)
            return oauth_refusal(400, "invalid_token", "Token expired or revoked").response()

        return await self._traffic.serve(
            request, "revoke", grant.account.email if grant else email, work
        )

    async def discovery(self, _request: Request) -> Response:
        """Answer with OpenID Connect's description of the sandbox (Discovery 1.0, section 3)."""
        return json_answer(
            {
                "issuer": self._issuer,
                "authorization_endpoint": f"{self._issuer}/o/oauth2/v2/auth",
                "token_endpoint": f"{self._issuer}/token",
                "jwks_uri": f"{self._issuer}/oauth2/v3/certs",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def certificates(self, _request: Request) -> Response:
        """Answer with the public key that ID tokens are signed with."""
        return json_answer({"keys": [_signing_key().as_dict(private=False)]})

    def issue(
        self, grant: Grant, *, nonce: str | None = None, first: bool = True
    ) -> dict[str, Any]:
        """Return the token endpoint's answer for a grant.

        Args:
            grant: what was allowed.
            nonce: the client's nonce, repeated in the ID token.
            first: whether this is the code's exchange, which alone hands out the refresh
                token.
        """
        access = self._state.issue_access_token(grant)
        now = datetime.now(UTC)
        # Whole seconds, rounded down, as Google does: an hour is 3599.
        answer: dict[str, Any] = {
            "access_token": access.value,
            "expires_in": max(0, int((access.expires_at - now).total_seconds())),
            "scope": " ".join(grant.scopes),
            "token_type": "Bearer",
        }
        if first and grant.refresh_token:
            answer["refresh_token"] = grant.refresh_token
        if grant.refresh_token and grant.ends_at:
            answer["refresh_token_expires_in"] = int((grant.ends_at - now).total_seconds())
        if scopes.OPENID in grant.scopes:
            answer["id_token"] = self._id_token(grant, now, nonce)
        return answer

    def _answer(self, issue: Callable[[], Mapping[str, Any]]) -> Response:
        try:
            return json_answer(issue(), NO_STORE)
        except Refusal as exc:
            return exc.response()

    def _exchange(self, request: Request, form: Mapping[str, str]) -> dict[str, Any]:
        client = self._authenticate(request, form)
        if form.get("grant_type") != "authorization_code":
            raise oauth_refusal(400, "unsupported_grant_type", "Invalid grant_type")
        consent = self._state.redeem_code(form.get("code", ""))
        if consent.client_id != client.client_id:
            raise oauth_refusal(400, "invalid_grant", "Malformed auth code.")
        if consent.redirect_uri != form.get("redirect_uri"):
            raise oauth_refusal(400, "redirect_uri_mismatch", "Bad Request")
        _check_verifier(consent, form.get("code_verifier"))
        known = self._state.has_refresh_token(consent.account, consent.client_id)
        grant = self._state.create_grant(
            consent.account,
            consent.client_id,
            consent.scopes,
            with_refresh_token=consent.offline and (consent.renewed or not known),
        )
        return self.issue(grant, nonce=consent.nonce)

    def _refresh(self, request: Request, form: Mapping[str, str]) -> dict[str, Any]:
        client = self._authenticate(request, form)
        grant = self._state.grant_of_refresh_token(form.get("refresh_token", ""))
        if grant is None or grant.status() != "active":
            raise oauth_refusal(400, "invalid_grant", _EXPIRED)
        if grant.client_id != client.client_id:
            raise oauth_refusal(401, "unauthorized_client", "Unauthorized")
        return self.issue(grant, first=False)

    def _assert(self, assertion: str) -> dict[str, Any]:
        grant = self._service_accounts.check(assertion, audience=f"{self._issuer}/token")
        answer = self.issue(grant)
        del answer["scope"]  # Google leaves it out here
        return answer

    def _authenticate(self, request: Request, form: Mapping[str, str]) -> Client:
        """Return the client that asks, by HTTP Basic or by fields of the body."""
        client_id, secret = _basic(request) or (
            form.get("client_id", ""),
            form.get("client_secret", ""),
        )
        client = self._state.find_client(client_id)
        if client is None:
            raise oauth_refusal(401, "invalid_client", "The OAuth client was not found.")
        if not hmac.compare_digest(client.client_secret.encode(), secret.encode()):
            raise oauth_refusal(401, "invalid_client", "Unauthorized")
        return client

    def _id_token(self, grant: Grant, now: datetime, nonce: str | None) -> str:
        issued = int(now.timestamp())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": grant.client_id,
            "azp": grant.client_id,
            "iat": issued,
            "exp": issued + 3600,
            "sub": grant.account.subject,
        }
        if scopes.EMAIL in grant.scopes:
            claims |= {"email": grant.account.email, "email_verified": True}
            domain = grant.account.email.partition("@")[2]
            if domain in self._state.workspaces:
                claims["hd"] = domain
        if nonce:
            claims["nonce"] = nonce
        token = jwt.encode({"alg": "RS256", "kid": "sandbox"}, claims, _signing_key())
        return self._state.remember(token)


def _basic(request: Request) -> tuple[str, str] | None:
    """Read HTTP Basic credentials, each percent-encoded (RFC 6749, section 2.3.1)."""
    kind, _, encoded = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError as exc:
        raise oauth_refusal(401, "invalid_client", "Unauthorized") from exc
    return unquote_plus(name), unquote_plus(password)


def _check_verifier(consent: Consent, verifier: str | None) -> None:
    """Check PKCE's S256 (RFC 7636, section 4.6)."""
    if consent.code_challenge is None:
        return
    if not verifier:
        raise oauth_refusal(400, "invalid_grant", "Missing code verifier.")
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    if not hmac.compare_digest(challenge, consent.code_challenge):
        raise oauth_refusal(400, "invalid_grant", "Invalid code verifier.")

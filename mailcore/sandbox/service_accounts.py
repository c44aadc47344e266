"""Service accounts, and what a Workspace's admin lets them do.

https://developers.google.com/identity/protocols/oauth2/service-account#httprest
"""

import json
import secrets
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from mailcore.sandbox import scopes
from mailcore.sandbox.records import Grant, ServiceAccount
from mailcore.sandbox.responses import Refusal, oauth_refusal
from mailcore.sandbox.state import State

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

_LONGEST = 3600
#: How far in the future an assertion may begin.
_LEEWAY = 300


class ServiceAccounts:
    """The service accounts of one sandbox.

    Args:
        state: the mailboxes that they may act for.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._accounts: dict[str, ServiceAccount] = {}
        self._keys: dict[str, RSAKey] = {}
        self._delegated: dict[str, frozenset[str]] = {}

    def register(self, token_uri: str) -> ServiceAccount:
        """Create a service account with a key of its own.

        Args:
            token_uri: what its key's file names as the token endpoint.
        """
        client_id = f"1{secrets.randbelow(10**20):020}"
        email = f"mailer-{client_id[-6:]}@sandbox-project.iam.gserviceaccount.com"
        key = RSAKey.generate_key(2048)
        pem = key.as_pem(private=True).decode()
        self._state.remember(pem)
        document = {
            "type": "service_account",
            "project_id": "sandbox-project",
            "private_key_id": secrets.token_hex(20),
            "private_key": pem,
            "client_email": email,
            "client_id": client_id,
            "token_uri": token_uri,
            "universe_domain": "googleapis.com",
        }
        account = ServiceAccount(email, client_id, json.dumps(document))
        with self._lock:
            self._accounts[email], self._keys[email] = account, key
        return account

    def delete_key(self, email: str) -> None:
        """Delete a service account's key."""
        with self._lock:
            del self._keys[email]

    def delegate(self, client_id: str, names: Iterable[str]) -> None:
        """Let a service account act for every mailbox within some scopes, and no others."""
        with self._lock:
            self._delegated[client_id] = scopes.spelled_out(names)

    def mailbox_of(self, assertion: str) -> str | None:
        """Return whose mailbox an assertion is about, as far as that can be told."""
        try:
            claims: Any = json.loads(jws.extract_compact(assertion.encode()).payload)
            account = self._state.find_account(str(claims["sub"]))
        except (JoseError, ValueError, KeyError, TypeError):
            return None
        return account.email if account else None

    def check(self, assertion: str, *, audience: str) -> Grant:
        """Return what an assertion entitles to.

        Args:
            assertion: the signed JWT.
            audience: the token endpoint, for which it must be.

        Raises:
            Refusal: it is invalid, or may not have what it asks for.
        """
        account, claims = self._verified(assertion)
        now = datetime.now(UTC).timestamp()
        begins, ends = float(claims.get("iat", 0)), float(claims.get("exp", 0))
        if not (begins <= now + _LEEWAY and now < ends <= begins + _LONGEST):
            raise _invalid(
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
                "timeframe. Check your iat and exp values in the JWT claim."
            )
        if claims.get("aud") != audience:
            raise _invalid("Invalid JWT: Failed audience check.")
        mailbox = self._state.find_account(str(claims.get("sub", "")))
        if mailbox is None:
            raise _invalid("Invalid email or User ID")
        asked = tuple(sorted(scopes.spelled_out(str(claims.get("scope", "")).split())))
        if not asked or not self._delegated.get(account.client_id, frozenset()).issuperset(asked):
            raise oauth_refusal(
                401,
                "unauthorized_client",
                "Client is unauthorized to retrieve access tokens using this method, or client "
                "not authorized for any of the scopes requested.",
            )
        return self._state.create_grant(mailbox, account.client_id, asked, with_refresh_token=False)

    def _verified(self, assertion: str) -> tuple[ServiceAccount, dict[str, Any]]:
        try:
            claims: Any = json.loads(jws.extract_compact(assertion.encode()).payload)
            account = self._accounts[str(claims["iss"])]
        except (JoseError, ValueError, KeyError, TypeError) as exc:
            raise _invalid("Invalid grant: account not found") from exc
        try:
            verified = jwt.decode(assertion, self._keys[account.email], algorithms=["RS256"])
        except (JoseError, KeyError) as exc:
            raise _invalid("Invalid JWT Signature.") from exc
        return account, verified.claims


def _invalid(description: str) -> Refusal:
    return oauth_refusal(400, "invalid_grant", description)

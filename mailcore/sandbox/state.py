"""What the sandbox knows about accounts, clients, grants and tokens.

The server's thread and the tests' threads both come here; one lock guards it all.
"""

import secrets
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Literal

from mailcore.sandbox.records import AccessToken, Account, Client, Consent, Grant
from mailcore.sandbox.responses import oauth_refusal, unauthenticated

#: How long a person's consent may wait to be exchanged.
CODE_LIFE = timedelta(minutes=10)

ACCESS_TOKEN_LIFE = timedelta(hours=1)


class State:
    """All that is true in one sandbox.

    Args:
        accounts: the accounts' addresses.
        grant_days: days until a grant ends by itself, or None for never.
    """

    def __init__(self, accounts: Iterable[str], grant_days: float | None) -> None:
        self._lock = threading.RLock()
        self._grant_days = grant_days
        self._accounts: dict[str, Account] = {}
        self._clients: dict[str, Client] = {}
        self._grants: list[Grant] = []
        self._access_tokens: dict[str, AccessToken] = {}
        self._codes: dict[str, tuple[Consent, datetime]] = {}
        self._secrets: set[str] = set()
        #: Domains whose accounts belong to a Google Workspace, as their ID tokens tell (``hd``).
        self.workspaces: set[str] = set()
        for email in accounts:
            self.add_account(email)

    # Accounts and clients

    def add_account(self, email: str) -> Account:
        """Create an account, or return the one that has this address."""
        with self._lock:
            subject = str(100_000_000_000_000_000_001 + len(self._accounts))
            return self._accounts.setdefault(email.lower(), Account(email, subject))

    def accounts(self) -> list[Account]:
        """Return all accounts, in the order of their creation."""
        with self._lock:
            return list(self._accounts.values())

    def find_account(self, email: str) -> Account | None:
        """Return the account of an address, whatever its case."""
        return self._accounts.get(email.strip().lower())

    def account(self, email: str) -> Account:
        """Return the account of an address.

        Raises:
            LookupError: there is none; the text names those there are.
        """
        account = self.find_account(email)
        if account is None:
            known = ", ".join(each.email for each in self.accounts())
            raise LookupError(f"the sandbox has no account {email!r}, only {known}")
        return account

    def register_client(self) -> Client:
        """Create an OAuth client with an identifier and a secret of its own."""
        client = Client(
            client_id=f"{secrets.randbelow(10**12):012}-sandbox.apps.googleusercontent.com",
            client_secret=self.remember(f"GOCSPX-sandbox-{secrets.token_urlsafe(18)}"),
        )
        with self._lock:
            self._clients[client.client_id] = client
        return client

    def find_client(self, client_id: str) -> Client | None:
        """Return a registered client."""
        return self._clients.get(client_id)

    def remember(self, secret: str) -> str:
        """Remember a value that must never be seen outside the protocol; return it."""
        with self._lock:
            self._secrets.add(secret)
        return secret

    def secrets(self) -> frozenset[str]:
        """Return every secret value that passed through so far."""
        with self._lock:
            return frozenset(self._secrets)

    # Consent, grants and tokens

    def issue_code(self, consent: Consent) -> str:
        """Return an authorization code for what a person allowed."""
        code = self.remember(f"4/0Asandbox{secrets.token_urlsafe(32)}")
        with self._lock:
            self._codes[code] = (consent, datetime.now(UTC) + CODE_LIFE)
        return code

    def account_of_code(self, code: str) -> str | None:
        """Return whose consent a code stands for, without using it up."""
        with self._lock:
            found = self._codes.get(code)
        return found[0].account.email if found else None

    def redeem_code(self, code: str) -> Consent:
        """Return what a code stands for; each works once (RFC 6749, section 4.1.2).

        Raises:
            Refusal: it is not known, was used before, or was not used in time.
        """
        with self._lock:
            found = self._codes.pop(code, None)
        if found is None or found[1] <= datetime.now(UTC):
            raise oauth_refusal(400, "invalid_grant", "Malformed auth code.")
        return found[0]

    def create_grant(
        self,
        account: Account,
        client_id: str,
        scopes: tuple[str, ...],
        *,
        with_refresh_token: bool,
        days: float | None = None,
    ) -> Grant:
        """Record what a person allowed.

        Args:
            account: whose mailbox it is for.
            client_id: which client may use it.
            scopes: what it allows.
            with_refresh_token: whether it outlives its first access token.
            days: how long it lasts, instead of the sandbox's own number.
        """
        now = datetime.now(UTC)
        days = self._grant_days if days is None else days
        token = self.remember(f"1//0sandbox{secrets.token_urlsafe(48)}")
        grant = Grant(
            account=account,
            client_id=client_id,
            scopes=scopes,
            ends_at=None if days is None else now + timedelta(days=days),
            refresh_token=token if with_refresh_token else None,
        )
        with self._lock:
            self._grants.append(grant)
        return grant

    def has_refresh_token(self, account: Account, client_id: str) -> bool:
        """Say whether the client holds a refresh token for the account that still works."""
        return any(
            grant.refresh_token and grant.client_id == client_id and grant.status() == "active"
            for grant in self.grants(account.email)
        )

    def grants(self, email: str | None = None) -> list[Grant]:
        """Return the grants of an account, or of all."""
        account = None if email is None else self.account(email)
        with self._lock:
            return [grant for grant in self._grants if account in (None, grant.account)]

    def grant_of_refresh_token(self, token: str) -> Grant | None:
        """Return the grant that a refresh token belongs to, in force or not."""
        with self._lock:
            return next((g for g in self._grants if token and g.refresh_token == token), None)

    def issue_access_token(self, grant: Grant) -> AccessToken:
        """Return a new access token for a grant."""
        value = self.remember(f"ya29.sandbox-{secrets.token_urlsafe(48)}")
        token = AccessToken(value, grant, datetime.now(UTC) + ACCESS_TOKEN_LIFE)
        with self._lock:
            self._access_tokens[value] = token
        return token

    def account_of_access_token(self, value: str) -> str | None:
        """Return whose mailbox an access token is for, valid or not."""
        token = self._access_tokens.get(value)
        return token.grant.account.email if token else None

    def check_access_token(self, value: str) -> Grant:
        """Return the grant behind an access token.

        Raises:
            Refusal: the token is unknown or expired, or the grant is.
        """
        token = self._access_tokens.get(value)
        if token is None or token.expires_at <= datetime.now(UTC):
            raise unauthenticated()
        if token.grant.status() != "active":
            raise unauthenticated()
        return token.grant

    def expire_access_tokens(self, email: str | None = None) -> None:
        """Make the access tokens of an account, or of all, useless at once."""
        account = None if email is None else self.account(email)
        now = datetime.now(UTC)
        with self._lock:
            for token in self._access_tokens.values():
                if account in (None, token.grant.account):
                    token.expires_at = min(token.expires_at, now)

    def end_grants(
        self, email: str, why: Literal["expired", "revoked"], client_id: str | None = None
    ) -> None:
        """End every grant of an account that is in force: refresh and access tokens alike."""
        with self._lock:
            for grant in self.grants(email):
                if grant.status() == "active" and client_id in (None, grant.client_id):
                    grant.ended = why

    def revoke_token(self, token: str) -> bool:
        """Withdraw all that the token's client may do for its account, as Google does.

        Returns:
            False where the token is unknown or no longer in force.
        """
        access = self._access_tokens.get(token)
        grant = access.grant if access else self.grant_of_refresh_token(token)
        if grant is None or grant.status() != "active":
            return False
        self.end_grants(grant.account.email, "revoked", grant.client_id)
        return True

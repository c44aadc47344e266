"""What the sandbox knows: accounts, clients, grants, tokens and the outbox.

The server's thread and the tests' threads both come here; one lock guards it all.
"""

import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from functools import cached_property
from typing import Literal

from mailcore.sandbox.answers import Refusal, gmail_error, oauth_refusal, unauthenticated

#: How long a person's consent may wait to be exchanged.
CODE_LIFE = timedelta(minutes=10)


@dataclass(frozen=True)
class Account:
    """A made-up Google account.

    Attributes:
        email: its address.
        subject: the identifier that never changes (``sub``).
    """

    email: str
    subject: str


@dataclass(frozen=True)
class Client:
    """An OAuth client, as registered in Google's console.

    Attributes:
        client_id: its public name.
        client_secret: its password.
        redirect_uris: where people may be sent back to; None for any loopback or https
            address.
    """

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: frozenset[str] | None = None


@dataclass
class Grant:
    """What one person allowed one client to do."""

    account: Account
    client_id: str
    scopes: tuple[str, ...]
    issued_at: datetime
    ends_at: datetime | None
    refresh_token: str | None = field(repr=False)
    ended: Literal["expired", "revoked"] | None = None

    def status(self) -> Literal["active", "expired", "revoked"]:
        """Say whether the grant still holds, and if not, why."""
        if self.ended:
            return self.ended
        expired = self.ends_at is not None and self.ends_at <= datetime.now(UTC)
        return "expired" if expired else "active"


@dataclass
class AccessToken:
    """A bearer token, good for a short while."""

    value: str = field(repr=False)
    grant: Grant
    expires_at: datetime


@dataclass(frozen=True)
class Consent:
    """What a person answered on the consent page; what a code stands for."""

    account: Account
    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    code_challenge: str | None = field(repr=False)
    nonce: str | None = field(repr=False)
    offline: bool
    renewed: bool


@dataclass(frozen=True)
class SandboxMessage:
    """A mail that the sandbox took, as Gmail would have sent it.

    Attributes:
        account: the address of the mailbox that it was sent through.
        gmail_id: Gmail's identifier.
        thread_id: the identifier of its conversation.
        raw: the very bytes that were posted.
        received_at: when it was taken, aware UTC.
    """

    account: str
    gmail_id: str
    thread_id: str
    raw: bytes = field(repr=False)
    received_at: datetime

    @cached_property
    def email(self) -> EmailMessage:
        """The mail, parsed."""
        return BytesParser(policy=policy.SMTP).parsebytes(self.raw)

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return str(self.email.get("Subject", ""))

    @property
    def recipients(self) -> list[str]:
        """The bare addresses of To, Cc and Bcc, in that order."""
        headers = [self.email[name] for name in ("To", "Cc", "Bcc") if name in self.email]
        return [address.addr_spec for header in headers for address in header.addresses]


class State:
    """All that is true in one sandbox.

    Args:
        accounts: the accounts' addresses.
        grant_days: days until a grant ends by itself, or None for never.
        access_token_seconds: how long an access token is good for.
    """

    def __init__(
        self, accounts: Iterable[str], grant_days: float | None, access_token_seconds: float
    ) -> None:
        self.lock = threading.RLock()
        self.access_token_life = timedelta(seconds=access_token_seconds)
        self._grant_days = grant_days
        self._accounts: dict[str, Account] = {}
        self._clients: dict[str, Client] = {}
        self._grants: list[Grant] = []
        self._access_tokens: dict[str, AccessToken] = {}
        self._codes: dict[str, tuple[Consent, datetime]] = {}
        self._secrets: set[str] = set()
        self._outbox: list[SandboxMessage] = []
        self._threads: set[tuple[str, str]] = set()
        self._delivered = threading.Condition(self.lock)
        for email in accounts:
            self.add_account(email)

    # Accounts and clients

    def add_account(self, email: str) -> Account:
        """Create an account, or return the one that has this address."""
        with self.lock:
            subject = str(100_000_000_000_000_000_001 + len(self._accounts))
            return self._accounts.setdefault(email.lower(), Account(email, subject))

    def accounts(self) -> list[Account]:
        """Return all accounts, in the order of their creation."""
        with self.lock:
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

    def register_client(self, redirect_uris: Iterable[str] | None) -> Client:
        """Create an OAuth client with an identifier and a secret of its own."""
        client = Client(
            client_id=f"{secrets.randbelow(10**12):012}-sandbox.apps.googleusercontent.com",
            client_secret=self.remember(f"GOCSPX-sandbox-{secrets.token_urlsafe(18)}"),
            redirect_uris=None if redirect_uris is None else frozenset(redirect_uris),
        )
        with self.lock:
            self._clients[client.client_id] = client
        return client

    def find_client(self, client_id: str) -> Client | None:
        """Return a registered client."""
        return self._clients.get(client_id)

    def remember(self, secret: str) -> str:
        """Note a value that must never be seen outside the protocol; return it."""
        with self.lock:
            self._secrets.add(secret)
        return secret

    def secrets(self) -> frozenset[str]:
        """Return every secret value that passed through so far."""
        with self.lock:
            return frozenset(self._secrets)

    # Consent, grants and tokens

    def issue_code(self, consent: Consent) -> str:
        """Return an authorization code for what a person allowed."""
        code = self.remember(f"4/0Asandbox{secrets.token_urlsafe(32)}")
        with self.lock:
            self._codes[code] = (consent, datetime.now(UTC) + CODE_LIFE)
        return code

    def account_of_code(self, code: str) -> str | None:
        """Return whose consent a code stands for, without using it up."""
        with self.lock:
            found = self._codes.get(code)
        return found[0].account.email if found else None

    def redeem_code(self, code: str) -> Consent:
        """Return what a code stands for; each works once (RFC 6749, section 4.1.2).

        Raises:
            Refusal: it is not known, was used before, or was not used in time.
        """
        with self.lock:
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
            days: how long it holds, instead of the sandbox's own number.
        """
        now = datetime.now(UTC)
        days = self._grant_days if days is None else days
        token = self.remember(f"1//0sandbox{secrets.token_urlsafe(48)}")
        grant = Grant(
            account=account,
            client_id=client_id,
            scopes=scopes,
            issued_at=now,
            ends_at=None if days is None else now + timedelta(days=days),
            refresh_token=token if with_refresh_token else None,
        )
        with self.lock:
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
        with self.lock:
            return [grant for grant in self._grants if account in (None, grant.account)]

    def grant_of_refresh_token(self, token: str) -> Grant | None:
        """Return the grant that a refresh token belongs to, in force or not."""
        with self.lock:
            return next((g for g in self._grants if token and g.refresh_token == token), None)

    def issue_access_token(self, grant: Grant) -> AccessToken:
        """Return a new access token for a grant."""
        value = self.remember(f"ya29.sandbox-{secrets.token_urlsafe(48)}")
        token = AccessToken(value, grant, datetime.now(UTC) + self.access_token_life)
        with self.lock:
            self._access_tokens[value] = token
        return token

    def account_of_access_token(self, value: str) -> str | None:
        """Return whose mailbox an access token is for, good or not."""
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
        with self.lock:
            for token in self._access_tokens.values():
                if account in (None, token.grant.account):
                    token.expires_at = min(token.expires_at, now)

    def end_grants(
        self, email: str, why: Literal["expired", "revoked"], client_id: str | None = None
    ) -> None:
        """End every grant of an account that is in force: refresh and access tokens alike."""
        with self.lock:
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

    # The outbox

    def deliver(self, account: Account, raw: bytes, thread_id: str | None) -> SandboxMessage:
        """Take a message.

        Raises:
            Refusal: the mailbox has no such thread.
        """
        with self._delivered:
            if thread_id is not None and (account.email, thread_id) not in self._threads:
                raise Refusal(404, gmail_error(404, "Requested entity was not found.", "notFound"))
            gmail_id = secrets.token_hex(8)
            message = SandboxMessage(
                account=account.email,
                gmail_id=gmail_id,
                thread_id=thread_id or gmail_id,
                raw=raw,
                received_at=datetime.now(UTC),
            )
            self._outbox.append(message)
            self._threads.add((account.email, message.thread_id))
            self._delivered.notify_all()
        return message

    def outbox(self) -> list[SandboxMessage]:
        """Return what was sent, oldest first."""
        with self.lock:
            return list(self._outbox)

    def clear_outbox(self) -> None:
        """Forget what was sent; threads stay known."""
        with self.lock:
            self._outbox.clear()

    def wait_for_outbox(self, count: int, timeout: float) -> list[SandboxMessage]:
        """Return what was sent, once there are at least `count` messages.

        Raises:
            TimeoutError: there are still fewer after `timeout` seconds.
        """
        with self._delivered:
            if not self._delivered.wait_for(lambda: len(self._outbox) >= count, timeout):
                raise TimeoutError(f"{len(self._outbox)} of {count} messages arrived")
            return list(self._outbox)

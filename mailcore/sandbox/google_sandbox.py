"""The sandbox as a Python object."""

import socket
from collections.abc import Iterable
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

from mailcore.sandbox import google_settings, scopes
from mailcore.sandbox.app import create_app
from mailcore.sandbox.consent_client import answer_consent
from mailcore.sandbox.counts import Operation, RequestCounts
from mailcore.sandbox.drafts import Drafts, SandboxDraft
from mailcore.sandbox.faults import Fault
from mailcore.sandbox.gates import Gate
from mailcore.sandbox.outbox import Outbox, SandboxMessage
from mailcore.sandbox.records import Client, ServiceAccount
from mailcore.sandbox.server import ThreadedServer
from mailcore.sandbox.service_accounts import ServiceAccounts
from mailcore.sandbox.state import State
from mailcore.sandbox.tokens import TokenEndpoints
from mailcore.sandbox.traffic import Traffic

DEFAULT_ACCOUNTS = ("alerts@example.com", "billing@example.com", "reports@example.com")

_HOST = "127.0.0.1"

_BACKLOG = 2048


class GoogleSandbox:
    """A stand-in for Google's consent page, token endpoint and Gmail, over real HTTP.

    It serves in a thread while it is entered as a context manager, or between `start` and
    `stop`. After `stop`, Google "is down"; `start` brings it back at the same address, with
    nothing forgotten.

    Args:
        port: the port on 127.0.0.1; 0 for any that is free.
        accounts: the addresses of the made-up accounts.
        grant_days: days until a grant ends by itself, as in Google's Testing, or None.

    Attributes:
        requests: counters of what came.
        client: the OAuth client that is registered from the start.
    """

    def __init__(
        self,
        port: int = 0,
        accounts: Iterable[str] = DEFAULT_ACCOUNTS,
        *,
        grant_days: float | None = 7,
    ) -> None:
        self._port = port
        self._state = State(accounts, grant_days)
        self._outbox = Outbox()
        self._drafts = Drafts(self._outbox)
        self._service_accounts = ServiceAccounts(self._state)
        self._traffic = Traffic()
        self._server: ThreadedServer | None = None
        self.requests: RequestCounts = self._traffic.requests
        self.client: Client = self._state.register_client()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # Start and stop

    def start(self) -> None:
        """Start serving; return once requests are accepted."""
        if self._server is not None:
            return
        listener = socket.create_server((_HOST, self._port), backlog=_BACKLOG)
        self._port = listener.getsockname()[1]
        app = create_app(self._state, self._outbox, self._drafts, self._traffic, self._tokens())
        server = ThreadedServer(app, listener)
        server.start()
        self._server = server

    def stop(self) -> None:
        """Stop serving; requests under way are dropped without a response."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    # How to reach it

    @property
    def url(self) -> str:
        """Its origin, without a slash at the end; also the issuer of its ID tokens."""
        return f"http://{_HOST}:{self._port}"

    @property
    def auth_uri(self) -> str:
        """The authorization endpoint: the consent page."""
        return google_settings.auth_uri(self.url)

    @property
    def token_uri(self) -> str:
        """The token endpoint."""
        return google_settings.token_uri(self.url)

    @property
    def client_id(self) -> str:
        """The registered OAuth client's public name."""
        return self.client.client_id

    @property
    def client_secret(self) -> str:
        """The registered OAuth client's password."""
        return self.client.client_secret

    @property
    def credentials_json(self) -> str:
        """The client as the file that Google's console hands out for a web application."""
        return self.credentials_for(self.client)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that put the sandbox behind pal-e-mail."""
        return google_settings.environment(self.url, self.client)

    @property
    def workspaces(self) -> set[str]:
        """The domains whose accounts belong to a Google Workspace; none at first."""
        return self._state.workspaces

    def register_client(self) -> Client:
        """Register a further OAuth client, as a second Google Cloud project would have."""
        return self._state.register_client()

    def credentials_for(self, client: Client) -> str:
        """Return a client as the JSON file that Google's console hands out for it."""
        return google_settings.credentials_json(self.url, client)

    def register_service_account(self) -> ServiceAccount:
        """Create a service account with a key. It may not act for any mailbox yet."""
        return self._service_accounts.register(self.token_uri)

    def delete_key(self, account: ServiceAccount) -> None:
        """Delete a service account's key, as in Google's console: it is refused from now on."""
        self._service_accounts.delete_key(account.email)

    def delegate(self, account: ServiceAccount, scopes: Iterable[str] = ("gmail.send",)) -> None:
        """Let a service account act for all mailboxes, as a Workspace's admin can.

        Args:
            account: which one.
            scopes: what it may do, in full, or short as in ``gmail.send``; none to end it.
        """
        self._service_accounts.delegate(account.client_id, scopes)

    # People

    @property
    def accounts(self) -> list[str]:
        """The accounts' addresses."""
        return [account.email for account in self._state.accounts()]

    def add_account(self, email: str) -> None:
        """Create a further account."""
        self._state.add_account(email)

    def consent(
        self,
        authorization_url: str,
        account: str | None = None,
        *,
        untick: Iterable[str] = (),
        cancel: bool = False,
    ) -> str:
        """Do what a person does on the consent page, over HTTP.

        Args:
            authorization_url: where the client sends the person.
            account: who consents; by default the hinted account, else the first.
            untick: permissions to refuse, such as ``gmail.send``.
            cancel: press Cancel instead of Continue.

        Returns:
            The address that the person is sent back to; it is not visited.

        Raises:
            ConsentRefused: an error page was shown instead.
            LookupError: there is no such account.
        """
        hint = parse_qs(urlsplit(authorization_url).query).get("login_hint", [""])[0]
        hinted = self._state.find_account(hint) or self._state.accounts()[0]
        chosen = self._state.account(account) if account else hinted
        return answer_consent(authorization_url, chosen.email, untick, cancel=cancel)

    def issue_grant(
        self,
        account: str,
        scopes: Iterable[str] = scopes.DEFAULT,
        *,
        client: Client | None = None,
        days: float | None = None,
    ) -> dict[str, Any]:
        """Return ready tokens, as the token endpoint would have after a consent.

        Args:
            account: whose mailbox they are for.
            scopes: what they allow, in full, or short as in ``gmail.send``.
            client: for which OAuth client; by default the one registered from the start.
            days: how many days the grant lasts, instead of the sandbox's `grant_days`.
        """
        grant = self._state.create_grant(
            self._state.account(account),
            (client or self.client).client_id,
            _in_order(scopes),
            with_refresh_token=True,
            days=days,
        )
        return self._tokens().issue(grant)

    # What was sent

    @property
    def outbox(self) -> list[SandboxMessage]:
        """What was sent so far, oldest first; a copy."""
        return self._outbox.messages()

    @property
    def drafts(self) -> list[SandboxDraft]:
        """The drafts of all mailboxes, oldest first; a copy."""
        return self._drafts.every()

    def delete_drafts(self, account: str) -> None:
        """Delete all drafts of an account, as its owner can."""
        self._drafts.delete_all(self._state.account(account).email)

    def wait_for_outbox(self, count: int = 1, timeout: float = 10) -> list[SandboxMessage]:
        """Return what was sent, once there are at least `count` messages.

        Raises:
            TimeoutError: there are still fewer after `timeout` seconds.
        """
        return self._outbox.wait_for(count, timeout)

    @property
    def secrets(self) -> frozenset[str]:
        """Every token, code, state, PKCE verifier and client secret seen or issued so far.

        For tests which assert that none of them shows up in a log or on a page.
        """
        return self._state.secrets()

    # Switches

    def expire_grant(self, account: str) -> None:
        """Make an account's grants expire: no refresh, and 401 for its access tokens."""
        self._state.end_grants(account, "expired")

    def revoke_grant(self, account: str) -> None:
        """Revoke an account's grants, as its owner can; the client can't tell the difference."""
        self._state.end_grants(account, "revoked")

    def expire_access_tokens(self, account: str | None = None) -> None:
        """Make access tokens expire, of one account or all; they can be refreshed."""
        self._state.expire_access_tokens(account)

    def fail(
        self,
        operation: Operation,
        fault: Fault,
        times: int | None = 1,
        account: str | None = None,
    ) -> None:
        """Make coming requests go wrong. Faults queue up, first come, first served.

        Args:
            operation: ``send`` (messages and drafts), ``create_draft``, ``get_draft``,
                ``delete_draft``, ``token`` (code exchanges and refreshes) or ``revoke``.
            fault: how; see `mailcore.sandbox.faults`.
            times: for how many requests, or None for all until `heal`.
            account: only for this account, or None for any.
        """
        if times is not None and times < 1:
            raise ValueError("times must be 1 or more, or None")
        email = self._state.account(account).email if account else None
        self._traffic.fail(operation, fault, times, email)

    def heal(self) -> None:
        """Forget the faults still queued."""
        self._traffic.heal()

    def hold(
        self,
        operation: Operation,
        account: str | None = None,
        *,
        at: Literal["arrival", "answer"] = "arrival",
    ) -> Gate:
        """Let coming requests wait until the returned gate is released.

        Args:
            operation: as for `fail`.
            account: only for this account, or None for any.
            at: ``arrival``: before anything is checked or taken; ``answer``: after the
                request took effect, just before it is answered.

        Returns:
            The gate; as a context manager it is released at the end.
        """
        email = self._state.account(account).email if account else None
        return self._traffic.hold(operation, email, taken=at == "answer")

    def _tokens(self) -> TokenEndpoints:
        return TokenEndpoints(self._state, self._service_accounts, self._traffic, self.url)


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(scopes.spelled_out(names)))

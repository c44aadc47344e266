"""The authorization endpoint: what Google shows a person who is asked for consent.

The consent form posts to the address it was shown at, with these fields:

``account``
    the address of the chosen account
``scope``
    once for each permission left ticked; ``openid`` and the like need no tick
``decision``
    ``allow`` or ``cancel``
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mailcore.sandbox import pages, scopes
from mailcore.sandbox.records import Account, Client, Consent
from mailcore.sandbox.state import State

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class BadRequest(Exception):
    """The client asked for consent in a way that Google answers with an error page."""

    def __init__(self, status: int, error: str, text: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.text = text


@dataclass(frozen=True)
class AuthorizationRequest:
    """What the client asks a person for (RFC 6749, section 4.1.1; RFC 7636, section 4.3)."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    prompt: frozenset[str]
    login_hint: str
    offline: bool
    state: str | None = field(repr=False)
    nonce: str | None = field(repr=False)
    code_challenge: str | None = field(repr=False)

    @classmethod
    def read(cls, query: Mapping[str, str], state: State) -> Self:
        """Check a query.

        Raises:
            BadRequest: the request is wrong, so nobody is sent back to the client.
        """
        client = _client(query, state)
        redirect_uri = _redirect_uri(query)
        if query.get("response_type") != "code":
            raise BadRequest(
                400, "unsupported_response_type", "The sandbox knows only response_type=code."
            )
        if query.get("code_challenge") and query.get("code_challenge_method") != "S256":
            raise BadRequest(400, "invalid_request", "code_challenge_method must be S256.")
        return cls(
            client_id=client.client_id,
            redirect_uri=redirect_uri,
            scopes=_scopes(query),
            prompt=frozenset(query.get("prompt", "").split()),
            login_hint=query.get("login_hint", ""),
            offline=query.get("access_type") == "offline",
            state=query.get("state"),
            nonce=query.get("nonce"),
            code_challenge=query.get("code_challenge") or None,
        )

    def return_address(self, **outcome: str) -> str:
        """Return where to send the person, with the outcome and the client's state."""
        query = {"state": self.state, **outcome} if self.state else outcome
        separator = "&" if urlsplit(self.redirect_uri).query else "?"
        return f"{self.redirect_uri}{separator}{urlencode(query)}"


def _client(query: Mapping[str, str], state: State) -> Client:
    if not query.get("client_id"):
        raise BadRequest(400, "invalid_request", "Missing required parameter: client_id")
    client = state.find_client(query["client_id"])
    if client is None:
        raise BadRequest(401, "invalid_client", "The OAuth client was not found.")
    return client


def _redirect_uri(query: Mapping[str, str]) -> str:
    uri = query.get("redirect_uri", "")
    if not uri:
        raise BadRequest(400, "invalid_request", "Missing required parameter: redirect_uri")
    parts = urlsplit(uri)
    allowed = not parts.fragment and (
        (parts.scheme == "https" and bool(parts.hostname))
        or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )
    if not allowed:
        raise BadRequest(
            400,
            "redirect_uri_mismatch",
            f"The redirect URI {uri} must be https, or on this machine.",
        )
    return uri


def _scopes(query: Mapping[str, str]) -> tuple[str, ...]:
    asked = tuple(dict.fromkeys(scopes.canonical(name) for name in query.get("scope", "").split()))
    if not asked:
        raise BadRequest(400, "invalid_request", "Missing required parameter: scope")
    unknown = [scope for scope in asked if not scopes.is_known(scope)]
    if unknown:
        raise BadRequest(
            400, "invalid_scope", f"Some requested scopes were invalid: {', '.join(unknown)}"
        )
    return asked


class ConsentEndpoint:
    """Shows the consent page and takes the answer."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def show(self, request: Request) -> Response:
        """Answer ``GET`` with the page, or with one that says what is wrong."""
        try:
            asked = AuthorizationRequest.read(request.query_params, self._state)
        except BadRequest as exc:
            return _refusal(exc)
        self._remember(asked)
        return self._page(asked)

    async def answer(self, request: Request) -> Response:
        """Answer ``POST`` by sending the person back to the client."""
        try:
            asked = AuthorizationRequest.read(request.query_params, self._state)
        except BadRequest as exc:
            return _refusal(exc)
        self._remember(asked)
        form = parse_qs((await request.body()).decode())
        if form.get("decision") != ["allow"]:
            return _send_to(asked.return_address(error="access_denied"))
        account = self._state.find_account(form.get("account", [""])[0])
        if account is None:
            return self._page(asked, "Choose an account.")
        granted = _granted(asked, form.get("scope", []))
        if not granted:
            return _send_to(asked.return_address(error="access_denied"))
        code = self._state.issue_code(self._consent(asked, account, granted))
        scope = " ".join(granted)
        return _send_to(
            asked.return_address(code=code, scope=scope, authuser="0", prompt="consent")
        )

    def _remember(self, asked: AuthorizationRequest) -> None:
        if asked.state:
            self._state.remember(asked.state)

    def _page(self, asked: AuthorizationRequest, problem: str = "") -> Response:
        hinted = self._state.find_account(asked.login_hint)
        accounts = self._state.accounts()
        chosen = hinted or (None if "select_account" in asked.prompt else accounts[0])
        page = pages.consent(asked.scopes, accounts, chosen, problem)
        return HTMLResponse(page, 400 if problem else 200, pages.HEADERS)

    def _consent(
        self, asked: AuthorizationRequest, account: Account, granted: tuple[str, ...]
    ) -> Consent:
        return Consent(
            account=account,
            client_id=asked.client_id,
            redirect_uri=asked.redirect_uri,
            scopes=granted,
            code_challenge=asked.code_challenge,
            nonce=asked.nonce,
            offline=asked.offline,
            renewed="consent" in asked.prompt,
        )


def _granted(asked: AuthorizationRequest, ticked: list[str]) -> tuple[str, ...]:
    return tuple(scope for scope in asked.scopes if scope in scopes.FIXED or scope in ticked)


def _send_to(address: str) -> Response:
    return RedirectResponse(address, 303, pages.HEADERS)


def _refusal(exc: BadRequest) -> Response:
    return HTMLResponse(pages.blocked(exc.status, exc.error, exc.text), exc.status, pages.HEADERS)

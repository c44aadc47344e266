"""The door: nothing of the page is served to somebody who has not come in.

That includes documents, websockets, uploads and pictures, so nothing is stored or started for
strangers. The callback's addresses are exempt, because they carry secrets of their own.
"""

import hmac
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from admin_ui import changes
from admin_ui.access import ANYBODY, admitted, named_by_proxy
from admin_ui.deployment import Deployment, LoginMode
from admin_ui.google_login import GoogleLogin
from admin_ui.navigation import page_of
from admin_ui.sessions import Session
from callback.addresses import is_about_deliveries
from callback.pages import PRIVATE, Card, Pages
from mailcore import NotAdmitted

#: How many tabs may be open at once: of one visitor, and of all. Each costs memory.
MAX_TABS_EACH = 50
MAX_TABS = 200
#: Parts of a tab that wait for changes: the list, and a dialog above it.
LIVE_PARTS = 2

#: The callback's, which answers all that is below ``/senders``; and what watches the process.
_NOT_OURS = frozenset({"/senders", "/openapi.json", "/healthz", "/readyz", "/metrics"})


class Gate:
    """Let admitted visitors in, and tell everyone else how to get in.

    Args:
        app: what is behind it.
        deployment: says how visitors are identified.
        start_token: lets in whoever has it, where the mode is `LoginMode.LINK`.
    """

    def __init__(self, app: ASGIApp, *, deployment: Deployment, start_token: str) -> None:
        settings = deployment.core.settings
        self._app = app
        self._deployment = deployment
        self._start_token = start_token
        self._pages = Pages(public_url=settings.public_url, auth_uri=settings.google_auth_uri)
        self._login = GoogleLogin(deployment.core, deployment.sessions, self._pages)
        self._tabs = _Places(MAX_TABS_EACH, MAX_TABS)
        self._live_parts = _Places(MAX_TABS_EACH * LIVE_PARTS, MAX_TABS * LIVE_PARTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] == "lifespan" or _is_not_ours(scope):
            await self._app(scope, receive, send)
            return
        visit = HTTPConnection(scope)
        # In a thread: it may ask the database.
        name = await run_in_threadpool(admitted, self._deployment, visit.headers, visit.cookies)
        if scope["type"] == "websocket":
            await self._open_tab(name, scope, receive, send)
            return
        request = Request(scope, receive)
        if self._has_start_token(request):
            await self._enter(request)(scope, receive, send)
        elif name is not None:
            await self._app(scope, receive, send)
        else:
            refusal = await run_in_threadpool(self._refusal, request)
            await refusal(scope, receive, send)

    async def _open_tab(self, name: str | None, scope: Scope, receive: Receive, send: Send) -> None:
        if name is None:
            refusal = PlainTextResponse("Log in first.\n", HTTPStatus.FORBIDDEN)
            await refusal(scope, receive, send)
            return
        live = scope["path"].startswith(changes.PATH)
        with (self._live_parts if live else self._tabs).taken(name) as free:
            refusal = PlainTextResponse("Too many open tabs.\n", HTTPStatus.SERVICE_UNAVAILABLE)
            await (self._app if free else refusal)(scope, receive, send)

    def _has_start_token(self, request: Request) -> bool:
        sent = request.query_params.get("token", "")
        return (
            self._deployment.login is LoginMode.LINK
            and request.method in {"GET", "HEAD"}
            and hmac.compare_digest(sent.encode(), self._start_token.encode())
        )

    def _enter(self, request: Request) -> Response:
        """Swap the token for a cookie, and take it out of the address."""
        page = page_of(request.url.remove_query_params("token"))
        response = RedirectResponse(page, HTTPStatus.SEE_OTHER, PRIVATE)
        self._deployment.sessions.begin(response, Session.of(ANYBODY))
        return response

    def _refusal(self, request: Request) -> Response:
        if self._deployment.login is LoginMode.OIDC:
            response = self._login.answer(request)
        else:
            response = self._pages.draw(self._closed(request))
        # The page's form posts to itself: without a referrer the browser would say that this
        # comes from nowhere.
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    def _closed(self, request: Request) -> Card:
        if self._deployment.login is LoginMode.LINK:
            return _closed(
                "You need the link to this page",
                "It keeps out other users of this computer.",
                "Open the link that pal-e-mail printed when it started. To see it again, run "
                "“pal-e-mail open” in a terminal.",
            )
        settings = self._deployment.core.settings
        try:
            name = named_by_proxy(self._deployment, request.headers)
        except NotAdmitted as exc:
            return _closed("Not logged in", exc.message, exc.remedy)
        if name:
            return _closed("No access", f"{name} is not on the list of admins.")
        return _closed(
            "Not logged in",
            "The proxy in front of this page did not say who you are. It is expected to send "
            f"the header {settings.user_header}.",
        )


class _Places:
    """How many of something each visitor has, and all together, and whether there is room.

    Args:
        each: how many a visitor may have.
        all_together: how many there may be.
    """

    def __init__(self, each: int, all_together: int) -> None:
        self._each = each
        self._all_together = all_together
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, name: str) -> Iterator[bool]:
        """Take a place for as long as the block runs, and say whether there was one."""
        if self._taken[name] >= self._each or self._taken.total() >= self._all_together:
            yield False
            return
        self._taken[name] += 1
        try:
            yield True
        finally:
            self._taken[name] -= 1
            if not self._taken[name]:
                del self._taken[name]


def _closed(heading: str, happened: str, next_step: str | None = None) -> Card:
    return Card(
        status=HTTPStatus.FORBIDDEN,
        tone="pending",
        badge="Closed",
        heading=heading,
        happened=happened,
        next_step=next_step,
        back=False,
    )


def _is_not_ours(scope: Scope) -> bool:
    path = scope["path"]
    return scope["type"] == "http" and (
        path.removesuffix("/") in _NOT_OURS
        or path.startswith("/senders/")
        or is_about_deliveries(path, Headers(scope=scope))
    )

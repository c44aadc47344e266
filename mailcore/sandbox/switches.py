"""The sandbox's own pages, and its switches by HTTP.

Each switch is a form by POST, as the buttons on the home page send it; the answer leads back
there, or is a 400 that says what is wrong.

=====================================  ==================================================
``/sandbox/expire-grant``              ``account``
``/sandbox/revoke-grant``              ``account``
``/sandbox/expire-access-tokens``      ``account`` (optional)
``/sandbox/fail``                      ``operation``, ``fault`` (a name of
                                       `faults.catalogue`), ``times`` (empty for always),
                                       ``account`` (optional)
``/sandbox/heal``                      nothing
=====================================  ==================================================
"""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from mailcore.sandbox import faults, pages
from mailcore.sandbox.counts import OPERATIONS
from mailcore.sandbox.outbox import Outbox
from mailcore.sandbox.state import State
from mailcore.sandbox.traffic import Traffic


class Switches:
    """The pages, and what their buttons do."""

    def __init__(self, state: State, outbox: Outbox, traffic: Traffic) -> None:
        self._state = state
        self._outbox = outbox
        self._traffic = traffic
        self._switches: dict[str, Callable[[Mapping[str, str]], None]] = {
            "expire-grant": self._expire_grant,
            "revoke-grant": self._revoke_grant,
            "expire-access-tokens": self._expire_access_tokens,
            "fail": self._fail,
            "heal": self._heal,
        }

    async def home(self, _request: Request) -> Response:
        """Show accounts, grants, counters and switches."""
        accounts = self._state.accounts()
        page = pages.home(
            accounts,
            {each.email: self._state.grants(each.email) for each in accounts},
            self._traffic.requests,
            self._traffic.arranged(),
            faults.catalogue(),
        )
        return HTMLResponse(page, headers=pages.HEADERS)

    async def outbox(self, _request: Request) -> Response:
        """Show what was sent."""
        return HTMLResponse(pages.outbox(self._outbox.messages()), headers=pages.HEADERS)

    async def message(self, request: Request) -> Response:
        """Show one message."""
        sent = self._outbox.find(request.path_params["gmail_id"])
        if sent is None:
            return PlainTextResponse("No such message.", 404)
        return HTMLResponse(pages.message(sent), headers=pages.HEADERS)

    async def source(self, request: Request) -> Response:
        """Show one message's bytes."""
        sent = self._outbox.find(request.path_params["gmail_id"])
        if sent is None:
            return PlainTextResponse("No such message.", 404)
        headers = {**pages.HEADERS, "X-Content-Type-Options": "nosniff"}
        return Response(sent.raw, headers=headers, media_type="text/plain")

    async def switch(self, request: Request) -> Response:
        """Do what a button says."""
        press = self._switches.get(request.path_params["switch"])
        if press is None:
            return PlainTextResponse("No such switch.", 404)
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        try:
            press(form)
        except (LookupError, ValueError) as exc:
            return PlainTextResponse(str(exc), 400)
        return RedirectResponse("/", 303)

    def _expire_grant(self, fields: Mapping[str, str]) -> None:
        self._state.end_grants(_required(fields, "account"), "expired")

    def _revoke_grant(self, fields: Mapping[str, str]) -> None:
        self._state.end_grants(_required(fields, "account"), "revoked")

    def _expire_access_tokens(self, fields: Mapping[str, str]) -> None:
        self._state.expire_access_tokens(fields.get("account") or None)

    def _fail(self, fields: Mapping[str, str]) -> None:
        named = _required(fields, "operation")
        operation = next((each for each in OPERATIONS if each == named), None)
        if operation is None:
            raise ValueError(f"operation must be one of {', '.join(OPERATIONS)}")
        fault = faults.catalogue().get(_required(fields, "fault"))
        if fault is None:
            raise ValueError(f"fault must be one of {', '.join(faults.catalogue())}")
        times = fields.get("times", "1")
        account = fields.get("account") or None
        self._traffic.fail(
            operation,
            fault,
            int(times) if times else None,
            self._state.account(account).email if account else None,
        )

    def _heal(self, _fields: Mapping[str, str]) -> None:
        self._traffic.heal()


def _required(fields: Mapping[str, str], name: str) -> str:
    if not fields.get(name):
        raise ValueError(f"{name} is missing")
    return fields[name]

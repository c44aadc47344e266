"""A stand-in for Gmail and its token endpoint that costs next to nothing itself.

It runs in a process of its own, reads no more of a request than its path and its length,
and so leaves the sending side as what is measured. `mailcore.sandbox` is the one that checks
what it is sent; this one only counts.
"""

import asyncio
import json
import multiprocessing
import re
from collections import Counter
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_MESSAGE = {
    "id": "19aa0000000000aa",
    "threadId": "19aa0000000000aa",
    "labelIds": ["SENT"],
    "snippet": "Hello",
    "historyId": "1",
    "internalDate": "1763800000000",
    "emailAddress": "alerts@example.com",
    "payload": {"mimeType": "text/plain", "headers": [], "body": {"size": 0}},
}
_TOKEN = {"access_token": "renewed", "expires_in": 3599, "token_type": "Bearer"}
_RATE_LIMITED = {
    "error": {
        "code": 403,
        "message": "Rate Limit Exceeded",
        "errors": [
            {
                "message": "Rate Limit Exceeded",
                "domain": "usageLimits",
                "reason": "rateLimitExceeded",
            }
        ],
    }
}
_REVOKED = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
_UNAUTHORIZED = {
    "error": {
        "code": 401,
        "message": "Request had invalid authentication credentials.",
        "status": "UNAUTHENTICATED",
    }
}
_HTML = b"<!DOCTYPE html><title>503 Service Unavailable</title><p>Please try again later."


def _answer(status: str, body: bytes, kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _json(status: str, body: dict[str, Any]) -> bytes:
    return _answer(status, json.dumps(body).encode())


_UNAVAILABLE = _answer("503 Service Unavailable", _HTML, "text/html")
#: How Gmail answers a send. None closes the connection; nothing at all is silence.
GMAIL: dict[str, bytes | None] = {
    "ok": _json("200 OK", _MESSAGE),
    "close": None,
    "silent": b"",
    "rate": _json("403 Forbidden", _RATE_LIMITED),
    "ended": _json("401 Unauthorized", _UNAUTHORIZED),
}
#: How the token endpoint answers.
TOKEN: dict[str, bytes | None] = {
    "ok": _json("200 OK", _TOKEN),
    "html": _UNAVAILABLE,
    "revoked": _json("400 Bad Request", _REVOKED),
}


class _State:
    """What every connection shares."""

    def __init__(self) -> None:
        self.gmail = "ok"
        self.token = "ok"
        self.delay = 0.0
        self.counts: Counter[str] = Counter()

    def answer_to(self, head: bytes) -> bytes | None:
        method, path, _ = head.split(b" ", 2)
        if path.startswith(b"/token"):
            self.counts["refreshes"] += 1
            return TOKEN[self.token]
        if method == b"POST":
            self.counts["posts"] += 1
            return GMAIL[self.gmail]
        # simplegmail reads back what it sent; ezgmail reads the profile.
        return GMAIL["ended" if self.gmail == "ended" else "ok"]


class _Exchange(asyncio.Protocol):
    """One connection, one request after the other."""

    def __init__(self, state: _State) -> None:
        self._state = state
        self._head = b""
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
        else:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _LENGTH.search(self._head, 0, end)
            self._missing = end + 4 + (int(length[1]) if length else 0) - len(self._head)
        if self._missing <= 0:
            self._answer()

    def _answer(self) -> None:
        answer = self._state.answer_to(self._head)
        self._head, self._missing = b"", 0
        if answer is None:
            self._transport.close()
        elif self._state.delay:
            loop = asyncio.get_running_loop()
            loop.call_later(self._state.delay, self._transport.write, answer)
        else:
            self._transport.write(answer)


def _serve(control: Connection) -> None:
    asyncio.run(_serve_until_told(control))


async def _serve_until_told(control: Connection) -> None:
    state = _State()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Exchange(state), "127.0.0.1", 0, backlog=2048)
    stopped = asyncio.Event()

    def obey() -> None:
        try:
            changes: dict[str, Any] | None = control.recv()
        except EOFError:  # the benchmark is gone
            changes = None
        if changes is None:
            stopped.set()
            return
        control.send(dict(state.counts))
        state.counts.clear()
        for name, value in changes.items():
            setattr(state, name, value)

    loop.add_reader(control.fileno(), obey)
    control.send(server.sockets[0].getsockname()[1])
    await stopped.wait()


class StandIn:
    """The stand-in, for as long as the context lasts.

    Attributes:
        url: its address, without a slash at the end.
    """

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        self._control, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self.url = f"http://127.0.0.1:{self._control.recv()}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._control.send(None)
        self._process.join()

    def play(self, *, gmail: str = "ok", token: str = "ok", delay: float = 0.0) -> dict[str, int]:
        """Change how it answers, and count anew.

        Args:
            gmail: a key of `GMAIL`.
            token: a key of `TOKEN`.
            delay: seconds before each answer.

        Returns:
            The ``posts`` of mails and the ``refreshes`` since the last change.
        """
        self._control.send({"gmail": gmail, "token": token, "delay": delay})
        counts: Counter[str] = Counter(self._control.recv())
        return counts

"""An ASGI app, served in a thread of this process until told to stop."""

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from mailcore.sandbox.traffic import TRANSPORT

#: Longer than any test lasts: a connection closed for idleness at the wrong moment would
#: look like a lost answer.
_KEEP_ALIVE_SECONDS = 600

_GRACE_SECONDS = 2


class _Protocol(H11Protocol):
    """HTTP/1.1 that lets the app reach the connection itself, to break it on purpose."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Addresses carry states, and the access log belongs to the app under test.
        self.access_log = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        # asyncio does this only for sockets made with IPPROTO_TCP by name; without it each
        # answer waits 40 ms for an acknowledgement.
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        app = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope["extensions"] = {TRANSPORT: transport}
            await app(scope, receive, send)

        self.app = with_transport


class _Server(uvicorn.Server):
    """A server that says when it serves, and stops at once when told to.

    The ordinary one looks ten times a second whether it is time to stop.
    """

    def __init__(
        self, config: uvicorn.Config, stopping: asyncio.Event, on_started: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    async def main_loop(self) -> None:
        await self._stopping.wait()


class ThreadedServer:
    """Serves an app in a thread.

    Args:
        app: the ASGI app, without a lifespan.
        listener: a socket that listens; closed at the end.
        stopping: the event that ends it, set in the server's loop.
    """

    def __init__(self, app: ASGIApp, listener: socket.socket, stopping: asyncio.Event) -> None:
        # Not log_level nor access_log: they change uvicorn's loggers for the whole process.
        config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        self._server = _Server(config, stopping, self._started)
        self._stopping = stopping
        self._listener = listener
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="google-sandbox", daemon=True)

    def start(self) -> None:
        """Return once requests are served.

        Raises:
            RuntimeError: the server did not come up.
        """
        self._thread.start()
        self._ready.wait()
        if self._loop is None:
            raise RuntimeError("the sandbox did not start")

    def stop(self) -> None:
        """Break off what is under way, close every connection and wait for the thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _started(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready.set()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        finally:
            self._listener.close()
            self._ready.set()

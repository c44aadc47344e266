"""An ASGI app, served in a thread of this process until told to stop."""

import asyncio
import socket
import threading
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from mailcore.sandbox.connection import TRANSPORT

#: Longer than any test lasts: a connection closed for idleness at the wrong moment would
#: look like a lost answer.
_KEEP_ALIVE_SECONDS = 600


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
    """A server that says when it serves, and that stops at once when told to.

    The ordinary one looks ten times a second whether to stop, and waits for its clients.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self.ready.set()

    async def main_loop(self) -> None:
        await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - ThreadedServer closes it
        # asyncio loses a connection that it is accepting while the server is closed, so no more
        # are accepted; one that is just being accepted is a task, and not among the others yet.
        for server in self.servers:
            for listener in server.sockets:
                asyncio.get_running_loop().remove_reader(listener)
        while (tasks := _other_tasks()) or self.server_state.connections:
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            if tasks:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)  # a turn of the loop, in which the sockets are closed
        for server in self.servers:
            server.close()

    def stop(self) -> None:
        """Break off what is under way; may be called from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)


def _other_tasks() -> set[asyncio.Task[Any]]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


class ThreadedServer:
    """Serves an app in a thread.

    Args:
        app: the ASGI app, without a lifespan.
        listener: a socket that listens; closed at the end.
    """

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        # Not log_level nor access_log: they change uvicorn's loggers for the whole process.
        config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            loop="asyncio:SelectorEventLoop",  # on Windows too: the others know no readers
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
        self._server = _Server(config)
        self._listener = listener
        self._thread = threading.Thread(target=self._run, name="google-sandbox", daemon=True)

    def start(self) -> None:
        """Return once requests are served."""
        self._thread.start()
        self._server.ready.wait()

    def stop(self) -> None:
        """Close every connection, answered or not, and wait for the thread to end."""
        self._server.stop()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        finally:
            self._listener.close()
            self._server.ready.set()

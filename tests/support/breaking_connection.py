"""A line to the sandbox that breaks where a test wants it to."""

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from types import TracebackType
from typing import Self

_CHUNK = 65536


class BreakingLine:
    """Forwards connections to a server, and breaks the first few in the midst of a request.

    Args:
        port: the server's port on this machine.
        after: how many bytes of a connection's requests come through before it breaks.
        times: how many connections break; the others hold.
        tls: speak TLS to the client.

    Attributes:
        connections: how many came.
    """

    def __init__(
        self, port: int, *, after: int, times: int, tls: ssl.SSLContext | None = None
    ) -> None:
        self._target = port
        self._after = after
        self._times = times
        self._tls = tls
        self._listener = _listener()
        self._threads = [threading.Thread(target=self._accept)]
        self.connections = 0

    @property
    def url(self) -> str:
        """Where the line begins."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}/"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=10)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            room = self._after if self.connections <= self._times else None
            thread = threading.Thread(target=self._serve, args=[client, room], daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket, room: int | None) -> None:
        with suppress(OSError), closing(self._greeted(client)) as line:
            if room is None:
                self._forward(line)
            else:
                _swallow(line, room)
                _reset(line)

    def _greeted(self, client: socket.socket) -> socket.socket:
        if self._tls is None:
            return client
        with closing(client):
            return self._tls.wrap_socket(client, server_side=True)

    def _forward(self, client: socket.socket) -> None:
        with closing(socket.create_connection(("127.0.0.1", self._target))) as server:
            back = threading.Thread(target=_pump, args=[server, client], daemon=True)
            back.start()
            _pump(client, server)
            back.join(timeout=10)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _swallow(line: socket.socket, octets: int) -> None:
    while octets > 0:
        octets -= len(line.recv(min(octets, _CHUNK)))


def _reset(line: socket.socket) -> None:
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _listener() -> socket.socket:
    """Listen with a small buffer, so that clients can't hand over more than is read."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _CHUNK)
    listener.bind(("127.0.0.1", 0))
    listener.listen(16)
    return listener


@contextmanager
def mute_server(*, reads_after: float | None) -> Iterator[str]:
    """A server that never answers.

    Args:
        reads_after: seconds until it begins to read; None for never.
    """
    closed = threading.Event()

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            closed.wait(reads_after)
            while not closed.is_set() and client.recv(_CHUNK):
                pass

    with closing(_listener()) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        closed.set()
        thread.join(timeout=10)


@contextmanager
def deaf_server() -> Iterator[str]:
    """A server that neither accepts connections nor refuses them: its queue is full."""
    with socket.socket() as listener, ExitStack() as crowd:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        queued = True
        while queued:
            connection = crowd.enter_context(socket.socket())
            connection.settimeout(0.1)
            try:
                connection.connect(listener.getsockname())
            except TimeoutError:
                queued = False
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"

"""A line to Postgres that counts round trips as the wire shows them, loses answers, and freezes."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

#: Frontend messages that a client waits for: a simple query, and the end of an extended one
#: (https://www.postgresql.org/docs/current/protocol-message-formats.html). A Flush has no
#: response of its own.
_QUERY, _SYNC = b"Q", b"S"


class RoundTrips:
    """Counts what a client asks of the server.

    Attributes:
        count: questions that waited for an answer, BEGIN and COMMIT among them.
        lose: when a message has this in it, the server acts on it, and the connection
            breaks before the answer. Once.
    """

    def __init__(self, *, pooled: bool = False) -> None:
        self.count = 0
        self._pooled = pooled
        self.lose: bytes | None = None
        self._losing: set[socket.socket] = set()
        self._questions_flow = threading.Event()
        self._answers_flow = threading.Event()
        self.thaw()

    def freeze(self, *, answers_only: bool = False) -> None:
        """Hold back what is sent, as a paused pooler does: connections stay, and nobody reads.

        Args:
            answers_only: the server still gets its questions.
        """
        self._answers_flow.clear()
        if not answers_only:
            self._questions_flow.clear()

    def thaw(self) -> None:
        """Pass on what was held back, and what comes."""
        self._questions_flow.set()
        self._answers_flow.set()

    def back(self, server: socket.socket, client: socket.socket) -> None:
        """Pass on the server's answers until it leaves, or one is to be lost."""
        with suppress(OSError):
            while data := server.recv(65536):
                self._answers_flow.wait()
                if server in self._losing:
                    break
                client.sendall(self._as_told(data))
        server.close()
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def _as_told(self, data: bytes) -> bytes:
        """A pooler tells its clients a process id of its own (BackendKeyData)."""
        before, key, after = data.partition(_BACKEND_KEY) if self._pooled else (data, b"", b"")
        return before + key + (b"\x7f" + after[1:] if key else after)

    def forward(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on a client's messages until it leaves."""
        with suppress(OSError), client, client.makefile("rb") as stream:
            while head := stream.read(4):  # the opening messages have no type
                body = stream.read(int.from_bytes(head) - 4)
                self._questions_flow.wait()
                server.sendall(head + body)
                if int.from_bytes(body[:4]) == _PROTOCOL_3:
                    break
            while head := stream.read(5):
                self.count += head[:1] in {_QUERY, _SYNC}
                body = stream.read(int.from_bytes(head[1:]) - 4)
                if self.lose is not None and self.lose in body:
                    self.lose = None
                    self._losing.add(server)
                self._questions_flow.wait()
                server.sendall(head + body)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)


_PROTOCOL_3 = 3 << 16
#: Of protocol 3.0: a process id and a key, four bytes each.
_BACKEND_KEY = b"K\0\0\0\x0c"


@contextmanager
def counting(database_url: str, *, pooled: bool = False) -> Iterator[tuple[str, RoundTrips]]:
    """Yield an address of the same database by way of the counter, and the counter.

    Args:
        database_url: the database.
        pooled: it looks like a pooler's.
    """
    trips = RoundTrips(pooled=pooled)
    parts = conninfo_to_dict(database_url)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=[listener, parts, trips], daemon=True).start()
        secret = f":{quote(str(parts['password']))}" if parts.get("password") else ""
        port = listener.getsockname()[1]
        address = f"{parts['user']}{secret}@127.0.0.1:{port}/{parts['dbname']}"
        yield f"postgresql://{address}?sslmode=disable&gssencmode=disable", trips


def _accept(listener: socket.socket, parts: dict[str, object], trips: RoundTrips) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            server = connect_to_server(str(parts["host"]), int(str(parts.get("port") or 5432)))
            threading.Thread(target=trips.forward, args=[client, server], daemon=True).start()
            threading.Thread(target=trips.back, args=[server, client], daemon=True).start()


def connect_to_server(host: str, port: int) -> socket.socket:
    """Connect to a Postgres at a host, or at a folder with its socket."""
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    server = socket.socket(socket.AF_UNIX)
    try:
        server.connect(f"{host}/.s.PGSQL.{port}")
    except OSError:
        server.close()
        raise
    return server

"""A line to Postgres that can swallow what goes over it, while both ends stay connected."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from psycopg.conninfo import conninfo_to_dict

from tests.support.postgres_proxy import connect_to_server


class Swallowing:
    """What passes on.

    Attributes:
        passing: cleared, everything is lost.
    """

    def __init__(self) -> None:
        self.passing = threading.Event()
        self.passing.set()

    def pump(self, source: socket.socket, target: socket.socket) -> None:
        """Pass on what one end says, as long as it does."""
        with suppress(OSError):
            while data := source.recv(65536):
                if not self.passing.is_set():
                    continue  # it is acknowledged, and lost
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
        source.close()


@contextmanager
def swallowing(url: str) -> Iterator[tuple[str, Swallowing]]:
    """Yield an address of the same database by way of the line, and the line."""
    line, parts = Swallowing(), conninfo_to_dict(url)

    def accept(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                try:
                    server = connect_to_server(
                        str(parts["host"]), int(str(parts.get("port") or 5432))
                    )
                except OSError:  # it is down
                    client.close()
                    continue
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=line.pump, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=[listener], daemon=True).start()
        port = listener.getsockname()[1]
        yield (
            f"postgresql://{parts['user']}@127.0.0.1:{port}/{parts['dbname']}?sslmode=disable",
            line,
        )

"""A worker outlives what happens to its database."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.support.outages import Closable
from tests.support.postgres_proxy import _connect as connect_to_server
from tests.support.queueing import queue
from tests.support.worker_process import working

pytestmark = pytest.mark.usefixtures("alerts")


def test_a_restart_of_postgres(core: Mailcore, google: GoogleSandbox, database: Closable) -> None:
    """Every connection ends, nobody gets in for a while, and then it goes on by itself."""
    queue(core)
    with working(core):
        google.wait_for_outbox(1, timeout=20)
        database.close()
        threading.Event().wait(3)
        database.mend()
        queue(core)
        google.wait_for_outbox(2, timeout=30)


class Swallowing:
    """A line to Postgres that can stop passing anything on, while both ends stay connected."""

    def __init__(self) -> None:
        self.passing = threading.Event()
        self.passing.set()

    def pump(self, source: socket.socket, target: socket.socket) -> None:
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
                server = connect_to_server(str(parts["host"]), int(str(parts.get("port") or 5432)))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=line.pump, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=[listener], daemon=True).start()
        port = listener.getsockname()[1]
        yield (
            f"postgresql://{parts['user']}@127.0.0.1:{port}/{parts['dbname']}?sslmode=disable",
            line,
        )


def test_a_network_that_swallows_packets(
    core: Mailcore, google: GoogleSandbox, database_url: str
) -> None:
    """Nothing answers, and nothing is closed: it gives its connections up, and goes on."""
    with swallowing(database_url) as (url, line):
        through = Mailcore(core.settings.model_copy(update={"database_url": SecretStr(url)}))
        with working(through) as worker:
            queue(core)
            google.wait_for_outbox(1, timeout=20)
            line.passing.clear()
            queue(core)
            threading.Event().wait(5)
            assert len(google.outbox) == 1
            line.passing.set()
            google.wait_for_outbox(2, timeout=40)
            assert worker.health.looked < 30
        through.close()

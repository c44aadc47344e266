"""`worker`: what operators and their orchestrators see of it."""

import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import urllib3
from psycopg.conninfo import conninfo_to_dict

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.cli.running import Cli, Running, started
from tests.support.driving import eventually
from tests.support.outages import Closable
from tests.support.ports import free_port
from tests.support.queueing import queue
from tests.support.scraping import scraped

pytestmark = pytest.mark.process


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def worker(environment: dict[str, str], port: int, tmp_path: Path) -> Iterator[Running]:
    """A worker that tells how it is."""
    with started(
        "worker",
        "--health-port",
        port,
        environment=environment,
        until="Sending queued mail",
        log=tmp_path / "w",
    ) as running:
        yield running


@pytest.fixture
def database(postgres_server: str, database_url: str) -> Iterator[Closable]:
    """The test's database, for closing it."""
    name = conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(postgres_server, autocommit=True) as server:
        yield Closable(server, str(name))


def test_it_sends_and_stops(
    core: Mailcore, google: GoogleSandbox, alerts: str, worker: Running
) -> None:
    """SIGTERM ends it in good order."""
    queue(core)
    google.wait_for_outbox(1, timeout=20)
    assert worker.stop(signal.SIGTERM) == 0
    assert "Traceback" not in worker.log.read_text()


def test_an_outage_of_postgres_makes_it_unready_and_not_dead(
    worker: Running, port: int, database: Closable
) -> None:
    """Kubernetes takes note, and does not restart what would only wait again."""

    def status(path: str) -> int:
        return urllib3.request("GET", f"http://127.0.0.1:{port}{path}", retries=False).status

    eventually(lambda: status("/readyz") == 200)
    database.close()
    eventually(lambda: status("/readyz") == 503)
    assert status("/healthz") == 200
    database.mend()
    eventually(lambda: status("/readyz") == 200)
    assert status("/") == 404
    assert worker.stop() == 0


def test_prometheus_reads_a_worker(
    environment: dict[str, str], alerts: str, database: Closable, port: int, tmp_path: Path
) -> None:
    """On a port of its own or on that of its health, without a key, and only if asked to."""
    own = free_port()
    address = f"http://127.0.0.1:{own}"
    with started(
        "worker", "--health-port", port, "--metrics-port", own,
        environment=environment, until="Sending queued mail", log=tmp_path / "w",
    ) as running:  # fmt: skip
        answer = urllib3.request("GET", f"{address}/metrics")
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        look = scraped(answer.data.decode())
        assert look("sender_status", alias="alerts", project="ops", status="healthy") == 1
        assert urllib3.request("GET", f"{address}/healthz").status == 404
        assert urllib3.request("GET", f"http://127.0.0.1:{port}/metrics").status == 404
        assert running.stop() == 0
    with started(
        "worker", "--health-port", port, "--metrics-port", port,
        environment=environment, until="Sending queued mail", log=tmp_path / "w2",
    ) as running:  # fmt: skip
        database.close()
        refused = urllib3.request("GET", f"http://127.0.0.1:{port}/metrics", retries=False)
        assert refused.status == 503
        assert (
            refused.data == b"The database cannot be used. Run on the server: pal-e-mail doctor\n"
        )
        assert urllib3.request("GET", f"http://127.0.0.1:{port}/healthz").status == 200
        database.mend()
        assert running.stop() == 0


def test_a_schema_that_is_not_up_to_date_is_refused(
    environment: dict[str, str], empty_database_url: str
) -> None:
    """It says what to run, rather than fail at every look."""
    ran = Cli({**environment, "DATABASE_URL": empty_database_url})("worker")
    assert ran.code == 78
    assert "pal-e-mail migrate" in ran.err

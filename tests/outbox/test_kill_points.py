"""SIGKILL at each point of a delivery: Gmail takes it at most once, and its row tells."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from mailcore import DeliveryStatus, Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.support.driving import Tables, eventually
from tests.support.queueing import let_leases_run_out, queue
from tests.support.steps import deliveries, the_delivery
from tests.support.worker_process import worker_process, working

pytestmark = [pytest.mark.usefixtures("alerts"), pytest.mark.process]

_WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@contextmanager
def locked_rows(database_url: str, tables: Tables) -> Iterator[None]:
    """Keep deliveries from being written; whoever tried to is cut off, and writes nothing."""
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT FROM delivery FOR UPDATE")
        yield
        tables(_WAITING.replace("pid", "pg_terminate_backend(pid)"))


def somebody_waits(tables: Tables) -> None:
    eventually(lambda: bool(tables(_WAITING)))


def test_killed_before_its_claim_was_committed(
    core: Mailcore,
    google: GoogleSandbox,
    environment: dict[str, str],
    database_url: str,
    tables: Tables,
) -> None:
    """It is as if that worker had never been: the next one sends it."""
    queue(core)
    with locked_rows(database_url, tables), worker_process(environment) as process:
        somebody_waits(tables)
        process.kill()
        process.wait(20)
    assert the_delivery(core).status is DeliveryStatus.QUEUED
    with working(core):
        eventually(lambda: the_delivery(core).status is DeliveryStatus.SENT)
    assert len(google.outbox) == 1


def test_killed_after_its_claim_and_before_gmail(
    core: Mailcore, google: GoogleSandbox, environment: dict[str, str], tables: Tables
) -> None:
    """Nobody can tell that it was not sent, so a person decides; and it holds nobody up."""
    tables.make_access_tokens_stale()
    queue(core, subject="first")
    with google.hold("token") as gate, worker_process(environment) as process:
        gate.wait_for_arrivals(1)
        queue(core, subject="second")
        process.kill()
        process.wait(20)
    assert not google.requests.sends()
    let_leases_run_out(tables)
    tables("DELETE FROM refresh_lease")
    with working(core):
        eventually(lambda: deliveries(core)[0].status is DeliveryStatus.SENT)
    assert {row.subject: row.status.value for row in deliveries(core)} == {
        "first": "unknown",
        "second": "sent",
    }


def test_killed_after_gmails_200(
    core: Mailcore,
    google: GoogleSandbox,
    environment: dict[str, str],
    database_url: str,
    tables: Tables,
) -> None:
    """The result was not committed: it is unknown, and never sent again by itself."""
    queue(core)
    with google.hold("send", at="answer") as gate, worker_process(environment) as process:
        gate.wait_for_arrivals(1)
        with locked_rows(database_url, tables):
            gate.release()
            somebody_waits(tables)
            process.kill()
            process.wait(20)
    let_leases_run_out(tables)
    with working(core):
        eventually(lambda: the_delivery(core).status is DeliveryStatus.UNKNOWN)
    assert len(google.outbox) == 1


def test_killed_after_the_result_was_committed(
    core: Mailcore, google: GoogleSandbox, environment: dict[str, str]
) -> None:
    """Nothing is left to do."""
    queue(core)
    with worker_process(environment) as process:
        eventually(lambda: the_delivery(core).status is DeliveryStatus.SENT)
        process.kill()
        process.wait(20)
    with working(core):
        queue(core, subject="next")
        google.wait_for_outbox(2)
    assert len(google.outbox) == 2


@pytest.mark.parametrize("ahead", [300, -300])
def test_hosts_whose_clocks_are_five_minutes_apart(
    core: Mailcore, google: GoogleSandbox, environment: dict[str, str], ahead: float
) -> None:
    """Neither sends too early, twice or out of order, nor calls the other one dead."""
    with working(core), worker_process(environment, ahead=ahead):
        with google.hold("send") as gate:
            queue(core, subject="0")
            gate.wait_for_arrivals(1)
            for number in range(1, 10):
                queue(core, subject=str(number))
        google.wait_for_outbox(10, timeout=30)
        eventually(lambda: {row.status.value for row in deliveries(core)} == {"sent"})
    assert [mail.subject for mail in google.outbox] == [str(number) for number in range(10)]

"""A worker outlives what happens to its database."""

import threading

import pytest
from pydantic import SecretStr

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.support.outages import Closable
from tests.support.queueing import queue
from tests.support.swallowing import swallowing
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

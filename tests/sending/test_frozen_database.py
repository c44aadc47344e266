"""A database that takes connections and never answers: a paused pooler, a frozen host."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from pydantic import SecretStr

from mailcore import (
    DatabaseUnavailable,
    DeliveryStatus,
    Mailcore,
    Sender,
    TemporaryFailure,
)
from mailcore.sandbox import GoogleSandbox
from mailcore.store.database import TIME_LIMIT
from tests.support.postgres_proxy import RoundTrips, counting
from tests.support.steps import send, the_delivery

#: What a busy machine adds, and how often a wait looks at the clock.
SLACK = 1.5
KEY = "disk-2026-11-22"


@pytest.fixture
def line(database_url: str) -> Iterator[tuple[str, RoundTrips]]:
    """An address by way of a line that can freeze, and the line."""
    with counting(database_url) as (url, trips):
        yield url, trips
        trips.thaw()


@pytest.fixture
def over(
    core: Mailcore, alerts: Sender, line: tuple[str, RoundTrips]
) -> Iterator[tuple[Mailcore, RoundTrips]]:
    """The same deployment over that line; its connection stands."""
    url, trips = line
    settings = core.settings.model_copy(update={"database_url": SecretStr(url)})
    with closing(Mailcore(settings)) as mailcore:
        mailcore.senders.get("alerts")
        yield mailcore, trips
        trips.thaw()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads, in which a call that never comes back fails a test without hanging it."""
    made = ThreadPoolExecutor(4)
    yield made
    made.shutdown(wait=False)


def test_a_send_ends_in_time_and_is_a_temporary_failure(
    over: tuple[Mailcore, RoundTrips],
    google: GoogleSandbox,
    pool: ThreadPoolExecutor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing was posted, so the job is told that later is safe, once."""
    core, line = over
    line.freeze()
    with pytest.raises(TemporaryFailure, match="not answer in time"):
        pool.submit(send, core, timeout=1).result(timeout=1 + SLACK)
    assert google.requests.sends() == 0
    assert not [record for record in caplog.records if record.name.startswith("psycopg")]
    line.thaw()
    send(core)


def test_connecting_ends_in_time(
    over: tuple[Mailcore, RoundTrips], google: GoogleSandbox, pool: ThreadPoolExecutor
) -> None:
    """By itself, libpq would wait for whole seconds, and at least two."""
    core, line = over
    core.close()
    line.freeze()
    with pytest.raises(TemporaryFailure, match="not answer in time"):
        pool.submit(send, core, timeout=0.5).result(timeout=0.5 + SLACK)
    line.thaw()
    send(core)


def test_waiting_for_a_connection_ends_in_time(
    core: Mailcore, alerts: Sender, database_url: str, pool: ThreadPoolExecutor
) -> None:
    """Others of this process have all of them."""
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE sender")
        others = [pool.submit(core.senders.get, "alerts") for _ in range(4)]
        crowd = ThreadPoolExecutor(20)
        others += [crowd.submit(core.senders.get, "alerts") for _ in range(20)]
        began = time.monotonic()
        with pytest.raises(TemporaryFailure):
            send(core, timeout=0.5)
        assert time.monotonic() - began < 0.5 + SLACK
        other.rollback()
    for each in others:
        each.result()
    crowd.shutdown()


def test_what_gmail_has_taken_is_sent_all_the_same(
    over: tuple[Mailcore, RoundTrips], google: GoogleSandbox, pool: ThreadPoolExecutor
) -> None:
    """Recording is given up after a few seconds, and made up for with the next message."""
    core, line = over
    with google.hold("send", at="answer") as gate:
        sending = pool.submit(send, core, timeout=5)
        gate.wait_for_arrivals(1)
        line.freeze()
        gate.release()
        sent = sending.result(timeout=5 + SLACK)
    line.thaw()
    send(core)
    assert core.deliveries.get(sent.delivery_id).status is DeliveryStatus.SENT


@pytest.mark.parametrize("key", [KEY, None], ids=["with a key", "without"])
def test_an_intent_whose_answer_never_came_is_no_open_question(
    over: tuple[Mailcore, RoundTrips],
    google: GoogleSandbox,
    pool: ThreadPoolExecutor,
    key: str | None,
) -> None:
    """Nothing was handed over: the record says that it failed, and the key is free."""
    core, line = over
    line.freeze(answers_only=True)
    with pytest.raises(TemporaryFailure):
        pool.submit(send, core, timeout=1, idempotency_key=key).result(timeout=1 + SLACK)
    assert google.requests.sends() == 0
    line.thaw()
    if key is None:
        send(core, subject="another")
        statuses = {row.subject: row.status for row in core.deliveries.page().deliveries}
        assert statuses == {
            "Disk is full": DeliveryStatus.FAILED,
            "another": DeliveryStatus.SENT,
        }
    else:
        send(core, idempotency_key=key)
        assert the_delivery(core).status is DeliveryStatus.SENT


def test_a_page_ends_in_time(over: tuple[Mailcore, RoundTrips], pool: ThreadPoolExecutor) -> None:
    """Nobody looks at a page that never comes."""
    core, line = over
    line.freeze()
    for page in (core.senders.page, core.deliveries.page):
        with pytest.raises(DatabaseUnavailable, match="not answer in time"):
            pool.submit(page, timeout=0.5).result(timeout=0.5 + SLACK)


def test_a_lock_held_elsewhere_ends_a_page_in_time(
    core: Mailcore, alerts: Sender, database_url: str, pool: ThreadPoolExecutor
) -> None:
    """The admin is told that the database did not answer, and where to look."""
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE sender")
        with pytest.raises(DatabaseUnavailable, match=r"not answer in time.*pg_stat_activity"):
            pool.submit(core.senders.page, timeout=0.5).result(timeout=0.5 + SLACK)
        other.rollback()


def test_a_lock_held_elsewhere_ends_a_change_in_time(
    core: Mailcore, alerts: Sender, database_url: str, pool: ThreadPoolExecutor
) -> None:
    """The admin is told that the database did not answer, and nothing was changed."""
    with psycopg.connect(database_url) as other:
        other.execute("SELECT FROM sender FOR UPDATE")
        with pytest.raises(DatabaseUnavailable, match=r"not answer in time.*pg_stat_activity"):
            pool.submit(core.senders.update, "alerts", project="other", by="ann").result(
                timeout=TIME_LIMIT + SLACK
            )
        other.rollback()
    assert core.senders.get("alerts").project == "shop"


def test_a_sender_that_takes_its_grant_from_a_file_ends_in_time(
    core: Mailcore, database_url: str, pool: ThreadPoolExecutor
) -> None:
    """Its first send reads more tables; one of them is locked."""
    core.senders.register("backup", gmail_account="backup@example.com", by="ann")
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE sender_event")
        with pytest.raises(TemporaryFailure, match="not answer in time"):
            pool.submit(send, core, "backup", timeout=1).result(timeout=1 + SLACK)
        other.rollback()

"""What people and callers do while a message is being claimed or recorded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from mailcore import DeliveryStatus, Mailcore
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.driving import Tables, eventually, meanwhile
from tests.support.queueing import drain, queue
from tests.support.steps import the_delivery

pytestmark = pytest.mark.usefixtures("alerts")


@contextmanager
def in_the_middle_of(database_url: str, statement: str) -> Iterator[None]:
    """Have somebody's change done and not yet committed; it is, at the end."""
    with psycopg.connect(database_url) as connection:
        connection.execute(statement.encode())
        yield


def somebody_waits(tables: Tables) -> None:
    eventually(
        lambda: bool(tables("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))
    )


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE delivery SET held_by = 'ann'",
        "UPDATE delivery SET send_at = now() + interval '1 hour'",
        "UPDATE delivery SET status = 'discarded'",
    ],
)
def test_what_was_held_or_cancelled_just_now_is_not_sent(
    core: Mailcore, google: GoogleSandbox, database_url: str, tables: Tables, change: str
) -> None:
    """Whoever was told that a message is held can rely on it."""
    queue(core)
    with in_the_middle_of(database_url, change):
        claiming = meanwhile(lambda: drain(core))
        somebody_waits(tables)
    claiming()
    assert not google.outbox


def test_asking_for_a_key_in_an_open_transaction_stops_no_queue(
    core: Mailcore, google: GoogleSandbox, database_url: str
) -> None:
    """A caller that is told how far its message has come does not keep it from going out."""
    queue(core, idempotency_key="k")
    with psycopg.connect(database_url) as caller:
        assert queue(core, connection=caller, idempotency_key="k").status is DeliveryStatus.QUEUED
        drain(core)
        assert len(google.outbox) == 1
        assert the_delivery(core).status is DeliveryStatus.SENT


def test_a_key_that_failed_is_queued_again_with_the_new_message(
    core: Mailcore, google: GoogleSandbox
) -> None:
    """It is free, and its row tells of the new message."""
    google.fail("send", faults.INVALID_ARGUMENT)
    first = queue(core, idempotency_key="k", subject="wrong")
    drain(core)
    assert the_delivery(core).status is DeliveryStatus.FAILED
    again = queue(core, idempotency_key="k", subject="right")
    assert (again.delivery_id, again.status) == (first.delivery_id, DeliveryStatus.QUEUED)
    drain(core)
    assert [mail.subject for mail in google.outbox] == ["right"]
    assert the_delivery(core).subject == "right"


def test_two_callers_with_one_key_queue_once(core: Mailcore, database_url: str) -> None:
    """The second one waits for what the first one's transaction comes to, and is told."""
    with psycopg.connect(database_url) as slow:
        first = queue(core, connection=slow, idempotency_key="k")
        second = meanwhile(lambda: queue(core, idempotency_key="k"))
        slow.commit()
    assert second().delivery_id == first.delivery_id
    with psycopg.connect(database_url) as slow:
        queue(core, connection=slow, idempotency_key="k2")
        third = meanwhile(lambda: queue(core, idempotency_key="k2"))
        slow.rollback()
    assert third().status is DeliveryStatus.QUEUED


def test_what_comes_back_while_its_sender_is_deleted_is_discarded(
    core: Mailcore, google: GoogleSandbox, database_url: str, tables: Tables
) -> None:
    """No later sender of that name sends it."""
    google.fail("send", faults.SERVICE_UNAVAILABLE)
    queue(core)
    with google.hold("send", at="answer") as gate:
        slow = meanwhile(lambda: drain(core))
        gate.wait_for_arrivals(1)
        with in_the_middle_of(database_url, "DELETE FROM sender"):
            gate.release()
            somebody_waits(tables)
    slow()
    assert the_delivery(core).status is DeliveryStatus.DISCARDED


def test_a_sender_with_a_pace_can_be_deleted_while_it_is_drained(
    core: Mailcore, google: GoogleSandbox, database_url: str, tables: Tables
) -> None:
    """Nobody waits for somebody who waits for him."""
    core.queue.set_limits(
        "alerts",
        messages_per_second=100,
        messages_per_day=None,
        recipients_per_day=None,
        by="ann",
    )
    queue(core)
    with psycopg.connect(database_url) as deleting:
        deleting.execute("SELECT FROM sender FOR UPDATE")
        claiming = meanwhile(lambda: drain(core))
        somebody_waits(tables)
        deleting.execute("DELETE FROM sender")
        deleting.execute("UPDATE delivery SET status = 'discarded' WHERE status = 'queued'")
        deleting.commit()
    claiming()
    assert not google.outbox
    assert the_delivery(core).status is DeliveryStatus.DISCARDED


def holds_no_message(database_url: str, tables: Tables, go_on: Callable[[], None]) -> None:
    """Have somebody come to wait for a sender, who has locked none of its messages by then."""
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT FROM sender FOR UPDATE")
        go_on()
        somebody_waits(tables)
        tables("SELECT id FROM delivery FOR UPDATE NOWAIT")


def test_a_claim_locks_the_sender_first(core: Mailcore, database_url: str, tables: Tables) -> None:
    """All lock in the same order, so that no two of them wait for each other."""
    queue(core)
    claiming: list[Callable[[], None]] = []
    holds_no_message(database_url, tables, lambda: claiming.append(meanwhile(lambda: drain(core))))
    claiming[0]()


@pytest.mark.parametrize(
    "fault", [None, faults.SERVICE_UNAVAILABLE, faults.INVALID_ARGUMENT, faults.CLOSE_AFTER]
)
def test_a_record_locks_the_sender_first(
    core: Mailcore,
    google: GoogleSandbox,
    database_url: str,
    tables: Tables,
    fault: faults.Fault | None,
) -> None:
    """Whatever came of it."""
    if fault is not None:
        google.fail("send", fault)
    queue(core)
    with google.hold("send") as gate:
        draining = meanwhile(lambda: drain(core))
        gate.wait_for_arrivals(1)
        holds_no_message(database_url, tables, gate.release)
    draining()

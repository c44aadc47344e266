"""What people do while a sender's queue is being sent."""

import pytest

from mailcore import DeliveryStatus, Mailcore, WaitsFor
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import ACCOUNT, authorise
from tests.support.driving import eventually
from tests.support.queueing import queue
from tests.support.steps import deliveries
from tests.support.worker_process import working

pytestmark = pytest.mark.usefixtures("alerts")

MANY = 40


def subjects(google: GoogleSandbox) -> list[str]:
    return [mail.subject for mail in google.outbox]


def queue_many(core: Mailcore) -> list[str]:
    for number in range(MANY):
        queue(core, subject=str(number))
    return [str(number) for number in range(MANY)]


def test_a_re_auth(core: Mailcore, google: GoogleSandbox) -> None:
    """Its old grant dies under it; nothing is lost or doubled, and the order stays."""
    queued = queue_many(core)
    with working(core), working(core):
        google.wait_for_outbox(5)
        google.expire_grant(ACCOUNT)
        google.expire_access_tokens(ACCOUNT)
        eventually(lambda: core.senders.get("alerts").status.value == "expired")
        authorise(core, google)
        google.wait_for_outbox(MANY, timeout=30)
        eventually(lambda: {row.status.value for row in deliveries(core)} == {"sent"})
    assert subjects(google) == queued


def test_a_pause(core: Mailcore, google: GoogleSandbox) -> None:
    """What is being sent is finished, nothing new is begun, and resuming goes on in order."""
    queued = queue_many(core)
    with working(core):
        google.wait_for_outbox(5)
        core.queue.pause("alerts", by="ann")
        eventually(lambda: not any(row.status.value == "sending" for row in deliveries(core)))
        stopped = len(google.outbox)
        waiting = [row for row in deliveries(core) if row.status is DeliveryStatus.HELD]
        assert len(waiting) == MANY - stopped
        assert {row.waits_for for row in waiting} == {WaitsFor.RESUME}
        core.queue.resume("alerts", by="ann")
        google.wait_for_outbox(MANY, timeout=30)
    assert subjects(google) == queued


def test_a_deletion(core: Mailcore, google: GoogleSandbox) -> None:
    """What waited is discarded, and what came back; no later sender of that name sends it."""
    queued = queue_many(core)
    with working(core):
        google.wait_for_outbox(5)
        google.fail("send", faults.SERVICE_UNAVAILABLE)
        with google.hold("send", at="answer") as gate:
            gate.wait_for_arrivals(1)
            core.senders.delete("alerts", by="ann", keep_grant=True)
        eventually(
            lambda: not {row.status.value for row in deliveries(core)} & {"sending", "queued"}
        )
        sent = len(google.outbox)
        core.senders.register("alerts", gmail_account=ACCOUNT, by="ann")
        authorise(core, google)
        queue(core, subject="new")
        google.wait_for_outbox(sent + 1)
    assert subjects(google) == [*queued[:sent], "new"]
    by_status = [row.status for row in deliveries(core)]
    assert set(by_status) <= {
        DeliveryStatus.SENT,
        DeliveryStatus.DISCARDED,
        DeliveryStatus.FAILED,
    }

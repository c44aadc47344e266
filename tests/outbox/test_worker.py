"""A worker sends what is queued, in order, and at once."""

import time

import pytest

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.support.authorise import authorise
from tests.support.driving import eventually
from tests.support.queueing import queue
from tests.support.steps import deliveries
from tests.support.worker_process import working


@pytest.mark.usefixtures("alerts")
def test_queued_mail_goes_out_in_order(core: Mailcore, google: GoogleSandbox) -> None:
    """What a job queued arrives in the order in which it was queued, and is recorded as sent."""
    for number in range(5):
        queue(core, subject=str(number))
    with working(core):
        google.wait_for_outbox(5, timeout=20)
        start = time.monotonic()
        queue(core, subject="5")
        google.wait_for_outbox(6, timeout=20)
        took = time.monotonic() - start
    assert [mail.subject for mail in google.outbox] == ["0", "1", "2", "3", "4", "5"]
    assert {row.status.value for row in deliveries(core)} == {"sent"}
    assert took < 1


@pytest.mark.usefixtures("alerts")
def test_mail_of_an_expired_sender_waits_for_the_re_auth(
    core: Mailcore, google: GoogleSandbox
) -> None:
    """Nothing is lost in between, and it goes out by itself once somebody has re-authorised."""
    google.expire_grant("alerts@example.com")
    for number in range(3):
        queue(core, subject=str(number))
    with working(core):
        eventually(lambda: core.senders.get("alerts").status.value == "expired")
        eventually(lambda: core.senders.get("alerts").held == 3)
        authorise(core, google, "alerts")
        start = time.monotonic()
        google.wait_for_outbox(3, timeout=20)
        assert time.monotonic() - start < 1
    assert [mail.subject for mail in google.outbox] == ["0", "1", "2"]

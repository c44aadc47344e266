"""Messages that expire in the queue."""

from datetime import UTC, datetime, timedelta

import pytest

from mailcore import DeliveryStatus, Mailcore
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.driving import Tables
from tests.support.queueing import drain, queue
from tests.support.steps import the_delivery

pytestmark = pytest.mark.usefixtures("alerts")


def test_an_expired_message_makes_no_work(core: Mailcore, tables: Tables) -> None:
    """Until it is marked as lapsed nobody tries to send it, over and over."""
    queue(core, expires_at=datetime.now(UTC) + timedelta(hours=1))
    tables("UPDATE delivery SET expires_at = now()")
    assert not core.upkeep.due()
    core.upkeep.settle()
    assert the_delivery(core).status is DeliveryStatus.LAPSED


def test_it_says_why_it_was_not_sent(core: Mailcore, google: GoogleSandbox, tables: Tables) -> None:
    """Whoever asks finds the last attempt's failure, not only that time was up."""
    google.fail("send", faults.SERVICE_UNAVAILABLE)
    queue(core, expires_at=datetime.now(UTC) + timedelta(hours=1))
    drain(core)
    tables("UPDATE delivery SET expires_at = now()")
    core.upkeep.settle()
    lapsed = the_delivery(core)
    assert lapsed.error_code == "lapsed"
    assert lapsed.error_text is not None
    assert "expired" in lapsed.error_text
    assert "could not serve" in lapsed.error_text

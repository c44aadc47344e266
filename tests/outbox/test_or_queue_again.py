"""Sending now or else from the queue, for callers who ask again, and where the record is late."""

import asyncio

import pytest

from mailcore import DeliveryStatus, Mailcore, OutcomeUnknown, PalEMailError, Queued
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import ACCOUNT
from tests.support.driving import Tables, meanwhile
from tests.support.outages import Closable
from tests.support.queueing import MAIL, drain, let_leases_run_out
from tests.support.steps import deliveries, send, the_delivery

pytestmark = pytest.mark.usefixtures("alerts")


def test_asking_again_with_the_key_is_told_at_once_that_it_is_queued(
    core: Mailcore, google: GoogleSandbox
) -> None:
    """A job that is run again does not hang, and nothing is queued twice."""
    google.expire_grant(ACCOUNT)
    first = core.send_email("alerts", or_queue=True, idempotency_key="k", timeout=3, **MAIL)
    again = core.send_email("alerts", or_queue=True, idempotency_key="k", timeout=3, **MAIL)
    assert isinstance(again, Queued)
    assert isinstance(first, Queued)
    assert again.delivery_id == first.delivery_id
    assert len(deliveries(core)) == 1


def test_without_it_a_queued_key_says_that_it_is_queued(
    core: Mailcore, google: GoogleSandbox
) -> None:
    """It may go out any moment, so it is not sent a second time."""
    google.expire_grant(ACCOUNT)
    core.queue_email("alerts", idempotency_key="k", **MAIL)
    with pytest.raises(OutcomeUnknown, match="queue"):
        send(core, idempotency_key="k", timeout=0.2)


@pytest.mark.parametrize("fault", [faults.INVALID_CLIENT, faults.TEMPORARILY_UNAVAILABLE])
def test_what_is_queued_is_said_to_be(
    core: Mailcore, google: GoogleSandbox, tables: Tables, fault: faults.Fault
) -> None:
    """Whatever kept it from being sent: a caller who got an error would send it once more."""
    tables.make_access_tokens_stale()
    google.fail("token", fault, times=None)
    queued = core.send_email("alerts", or_queue=True, timeout=1, **MAIL)
    assert isinstance(queued, Queued)
    assert the_delivery(core).status is DeliveryStatus.QUEUED


def test_what_its_caller_was_told_has_failed_is_not_queued_later(
    core: Mailcore, google: GoogleSandbox, database: Closable
) -> None:
    """Postgres was away, so it could not be queued: once it is back, nothing goes out."""
    google.fail("send", faults.SERVICE_UNAVAILABLE, times=None)
    with google.hold("send") as gate:
        sending = meanwhile(lambda: core.send_email("alerts", or_queue=True, timeout=1, **MAIL))
        gate.wait_for_arrivals(1)
        database.close()
    with pytest.raises(PalEMailError):
        sending()
    database.mend()
    google.heal()
    core.close()
    assert the_delivery(core).status is DeliveryStatus.FAILED
    drain(core)
    assert not google.outbox


def test_a_key_that_was_queued_to_be_resent_is_not_when_it_is_sent_at_once(
    core: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """What an earlier call said of its own message says nothing of this one."""
    core.queue_email("alerts", idempotency_key="k", if_unknown="resend", **MAIL)
    tables("UPDATE delivery SET status = 'lapsed'")
    google.fail("send", faults.CLOSE_AFTER)
    with pytest.raises(OutcomeUnknown):
        send(core, idempotency_key="k")
    tables("UPDATE delivery SET status = 'sending', leased_until = now()")  # as if it had died
    let_leases_run_out(tables)
    assert the_delivery(core).status is DeliveryStatus.UNKNOWN


def test_asyncio(core: Mailcore, google: GoogleSandbox) -> None:
    """The same for programs with a loop."""
    google.expire_grant(ACCOUNT)
    queued = asyncio.run(core.asend_email("alerts", or_queue=True, **MAIL))
    assert isinstance(queued, Queued)

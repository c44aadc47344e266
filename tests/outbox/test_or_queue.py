"""Sending now, or else from the queue."""

import pytest

from mailcore import Mailcore, OutcomeUnknown, Queued, ReauthRequired, Sent, WaitsFor
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import ACCOUNT, authorise
from tests.support.queueing import MAIL, drain
from tests.support.steps import send, the_delivery

pytestmark = pytest.mark.usefixtures("alerts")


def test_a_sender_that_works_sends_at_once(core: Mailcore, google: GoogleSandbox) -> None:
    """The queue is only for what cannot be sent now."""
    assert isinstance(core.send_email("alerts", or_queue=True, **MAIL), Sent)


def test_an_expired_sender_queues(core: Mailcore, google: GoogleSandbox) -> None:
    """It says so in what it returns, and the mail goes out after the re-auth."""
    google.expire_grant(ACCOUNT)
    queued = core.send_email("alerts", or_queue=True, idempotency_key="k", **MAIL)
    assert isinstance(queued, Queued)
    assert the_delivery(core).waits_for is WaitsFor.REAUTH
    authorise(core, google, "alerts")
    drain(core)
    assert len(google.outbox) == 1
    assert send(core, idempotency_key="k").delivery_id == queued.delivery_id


def test_without_it_an_expired_sender_fails_fast(core: Mailcore, google: GoogleSandbox) -> None:
    """Nothing is queued behind the caller's back."""
    google.expire_grant(ACCOUNT)
    with pytest.raises(ReauthRequired):
        send(core)
    assert the_delivery(core).status.value == "failed"


def test_an_unknown_outcome_is_never_queued(core: Mailcore, google: GoogleSandbox) -> None:
    """It may have been sent."""
    google.fail("send", faults.CLOSE_AFTER)
    with pytest.raises(OutcomeUnknown):
        core.send_email("alerts", or_queue=True, **MAIL)
    assert the_delivery(core).status.value == "unknown"

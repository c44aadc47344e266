"""Answers that no guide describes, and what a person decides on with what was known before."""

import signal

import pytest

from mailcore import (
    DeliveryNotSettleable,
    DeliveryStatus,
    Mailcore,
    OutcomeUnknown,
    Sender,
    TemporaryFailure,
)
from mailcore.sandbox import Fault, GoogleSandbox
from tests.support.driving import Tables
from tests.support.processes import job
from tests.support.steps import send, the_delivery


@pytest.mark.parametrize("status", [201, 202, 203, 204, 206])
def test_any_success_but_200_may_be_a_sent_message(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, status: int
) -> None:
    """A proxy that alters Gmail's answer says 203: the message is not sent a second time."""
    google.fail("send", Fault("odd", status=status, body=b"{}", taken=True), times=None)
    with pytest.raises(OutcomeUnknown):
        send(core, timeout=2)
    assert len(google.outbox) == 1
    assert the_delivery(core).status is DeliveryStatus.UNKNOWN


def test_an_endless_retry_after_is_no_crash(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """Thousands of digits are no number of seconds: the 503 stays what it is."""
    fault = Fault("503", status=503, body=b"{}", headers={"Retry-After": "9" * 5000})
    google.fail("send", fault, times=None)
    with pytest.raises(TemporaryFailure):
        send(core, timeout=1)
    assert the_delivery(core).status is DeliveryStatus.FAILED


@pytest.mark.process
def test_what_a_killed_process_did_not_keep_is_said_so(
    core: Mailcore,
    google: GoogleSandbox,
    alerts: Sender,
    environment: dict[str, str],
    tables: Tables,
) -> None:
    """The row of a killed job says that its message is gone, not that all is settled."""
    with google.hold("send") as gate, job(environment) as process:
        gate.wait_for_arrivals(1, timeout=60)
        process.send_signal(signal.SIGKILL)
        process.wait()
    tables("UPDATE delivery SET leased_until = now() - interval '1 second'")
    unknown = the_delivery(core)
    assert unknown.status is DeliveryStatus.UNKNOWN
    with pytest.raises(DeliveryNotSettleable, match="not kept"):
        core.deliveries.retry(unknown.id, by="ann")
    assert core.deliveries.discard(unknown.id, by="ann").status is DeliveryStatus.DISCARDED

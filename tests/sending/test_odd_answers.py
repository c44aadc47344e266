"""Answers that no guide describes, and what a person decides on with what was known before."""

import json
import signal

import pytest

from mailcore import (
    DeliveryNotSettleable,
    DeliveryStatus,
    Mailcore,
    OutcomeUnknown,
    Sender,
    SenderStatus,
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


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, {"code": "401", "message": "Access denied due to missing subscription key"}),
        (403, {"code": "Forbidden", "message": "Blocked by policy"}),
        (404, {"code": "ResourceNotFound", "message": "No such route"}),
        (307, {"code": 307, "message": "Moved"}),
    ],
)
def test_a_gateway_that_answers_much_as_google_does(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, status: int, error: dict[str, object]
) -> None:
    """Neither sender nor message nor project is at fault, and trying later is safe."""
    body = json.dumps({"error": error}).encode()
    google.fail("send", Fault("gateway", status=status, body=body), times=None)
    with pytest.raises(TemporaryFailure, match="something between here and Gmail"):
        send(core, timeout=2)
    assert core.senders.get("alerts").status is SenderStatus.HEALTHY


def test_a_success_with_an_error_in_it_is_an_open_question(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """A proxy altered the answer to a message that Gmail has taken."""
    fault = Fault("203", status=203, body=b'{"error": {"code": 203, "message": "x"}}', taken=True)
    google.fail("send", fault, times=None)
    with pytest.raises(OutcomeUnknown):
        send(core, timeout=10)

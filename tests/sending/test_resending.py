"""`if_unknown="resend"`: rather twice than never."""

import pytest

from mailcore import InvalidMessage, Mailcore, OutcomeUnknown, Sender, Sent
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.driving import Tables
from tests.support.queueing import drain, let_leases_run_out
from tests.support.steps import deliveries, send


def test_it_is_sent_again_at_once(core: Mailcore, google: GoogleSandbox, alerts: Sender) -> None:
    """The same message: whoever gets it twice sees that it is one."""
    google.fail("send", faults.CLOSE_AFTER)
    sent = send(core, if_unknown="resend")
    assert isinstance(sent, Sent)
    first, second = google.outbox
    assert first.email["Message-ID"] == second.email["Message-ID"] == sent.message_id
    [row] = deliveries(core)
    assert (row.status, row.attempts, row.error_code) == ("sent", 2, None)


def test_what_may_have_arrived_is_never_called_unsent(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """Whatever the last attempt came to, the first may have arrived."""
    google.fail("send", faults.CLOSE_AFTER)
    google.fail("send", faults.INVALID_ARGUMENT, times=None)
    with pytest.raises(OutcomeUnknown):
        send(core, if_unknown="resend", timeout=5)
    [row] = deliveries(core)
    assert row.status == "unknown"
    assert row.can_retry


def test_it_ends_with_its_time(core: Mailcore, google: GoogleSandbox, alerts: Sender) -> None:
    """Then a person decides, as ever."""
    google.fail("send", faults.GATEWAY_TIMEOUT, times=None)
    with pytest.raises(OutcomeUnknown):
        send(core, if_unknown="resend", timeout=2)
    assert [row.status for row in deliveries(core)] == ["unknown"]


def test_a_job_that_calls_again_with_the_key_sends_again(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """An earlier call that only asked left it open."""
    google.fail("send", faults.CLOSE_AFTER)
    with pytest.raises(OutcomeUnknown):
        send(core, idempotency_key="k")
    with pytest.raises(OutcomeUnknown):
        send(core, idempotency_key="k")
    assert isinstance(send(core, idempotency_key="k", if_unknown="resend"), Sent)
    assert len(google.outbox) == 2
    assert [row.status for row in deliveries(core)] == ["sent"]


def test_a_worker_goes_on_for_a_process_that_died(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, tables: Tables
) -> None:
    """Its row holds the message."""
    with google.hold("send"), pytest.raises(OutcomeUnknown):
        send(core, if_unknown="resend", timeout=1)
    tables("UPDATE delivery SET status = 'sending', leased_until = now() + interval '1 s'")
    let_leases_run_out(tables)
    assert [row.status for row in deliveries(core)] == ["queued"]
    drain(core)
    assert [row.status for row in deliveries(core)] == ["sent"]


def test_other_words_are_refused(core: Mailcore, alerts: Sender) -> None:
    """Before anything happens."""
    with pytest.raises(InvalidMessage, match="if_unknown"):
        send(core, if_unknown="maybe")
    assert not deliveries(core)

"""Requests overlap, and their answers come in any order: the request that went out last counts."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from mailcore import Mailcore, Sender, SenderBlocked, SenderStatus, Settings
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.driving import Tables, eventually
from tests.support.steps import history, send


def test_a_success_that_went_out_after_a_refusal_brings_the_sender_back(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, tables: Tables
) -> None:
    """The refusal came between loading the sender and posting; Gmail's newest word is yes."""
    google.fail("send", faults.MAIL_SERVICE_NOT_ENABLED)
    with ThreadPoolExecutor(2) as pool, google.hold("token") as renewing:
        with google.hold("send") as posting:
            refused = pool.submit(send, core, timeout=30)
            posting.wait_for_arrivals(1)
            tables.make_access_tokens_stale()
            accepted = pool.submit(send, core, timeout=30)
            renewing.wait_for_arrivals(1)
            posting.release()
            assert isinstance(refused.exception(), SenderBlocked)
        assert core.senders.get("alerts").status is SenderStatus.BLOCKED
        renewing.release()
        accepted.result()
    sender = core.senders.get("alerts")
    assert (sender.status, sender.last_error_code) == (SenderStatus.HEALTHY, None)
    assert history(core)[-2:] == ["blocked", "healthy"]


def test_a_refusal_that_went_out_before_a_success_flips_nobody(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """Google's answer came late; a message was accepted since, so the sender works."""
    google.fail("token", faults.INVALID_GRANT)
    with google.hold("token", at="answer") as renewing, ThreadPoolExecutor(1) as pool:
        checked = pool.submit(core.check, "alerts")
        renewing.wait_for_arrivals(1)
        send(core)
        renewing.release()
        checked.result()
    sender = core.senders.get("alerts")
    assert (sender.status, sender.last_error_code) == (SenderStatus.HEALTHY, None)
    assert "expired" not in history(core)


def test_a_refusal_that_went_out_after_a_success_counts(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """Whichever of the two is recorded first: the sender is not shown green."""
    google.fail("token", faults.INVALID_GRANT)
    with google.hold("send", at="answer") as posting, ThreadPoolExecutor(2) as pool:
        sent = pool.submit(send, core, timeout=30)
        posting.wait_for_arrivals(1)
        with google.hold("token", at="answer") as renewing:
            checked = pool.submit(core.check, "alerts")
            renewing.wait_for_arrivals(1)
            posting.release()
            sent.result()
            renewing.release()
            assert checked.result().status is SenderStatus.EXPIRED
    assert history(core)[-1] == "expired"


def test_a_refusal_that_went_out_before_a_renewal_flips_nobody(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, settings: Settings, tables: Tables
) -> None:
    """A job was suspended with the refusal at hand; the account was restored meanwhile."""
    google.fail("token", faults.ADMIN_POLICY_ENFORCED.delayed(1))
    with closing(Mailcore(settings)) as other, ThreadPoolExecutor(1) as pool:
        late = pool.submit(core.check, "alerts")
        eventually(lambda: google.requests.refreshes() == 1)
        tables("DELETE FROM refresh_lease")  # as if it had run out
        assert other.check("alerts").status is SenderStatus.HEALTHY
        late.exception()
    sender = core.senders.get("alerts")
    assert (sender.status, sender.last_error_code) == (SenderStatus.HEALTHY, None)
    assert "blocked" not in history(core)


def test_a_clock_that_runs_ahead_hides_no_refusal(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, tables: Tables
) -> None:
    """The host that stored the grant is a day ahead: the sender is shown red all the same."""
    tables("UPDATE sender SET last_refreshed_at = now() + interval '1 day'")
    google.fail("token", faults.INVALID_GRANT)
    assert core.check("alerts").status is SenderStatus.EXPIRED

"""What a send learns of the grant it used counts for that grant, and for no other."""

import json
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from mailcore import (
    ConfigurationError,
    DeliveryStatus,
    Mailcore,
    MessageRejected,
    ReauthRequired,
    Sender,
    SenderNotFound,
    SenderStatus,
    Sent,
)
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import ACCOUNT, authorise
from tests.support.steps import deliveries, history, send, the_delivery


def test_an_access_token_that_ended_early_is_renewed(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """A 401 costs one renewal; the mail goes out once, and nobody hears of it."""
    google.expire_access_tokens()
    send(core)
    assert google.requests.refreshes(ACCOUNT) == 1
    assert len(google.outbox) == 1
    assert the_delivery(core).status is DeliveryStatus.SENT
    assert core.senders.get("alerts").status is SenderStatus.HEALTHY
    send(core)
    assert google.requests.refreshes(ACCOUNT) == 1


def test_a_401_that_survives_the_renewal_asks_for_a_reauth(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """One forced renewal, no more; then a person is needed, and a re-auth mends it."""
    google.fail("send", faults.UNAUTHORIZED, times=2)
    with pytest.raises(ReauthRequired):
        send(core)
    assert (google.requests.refreshes(), google.requests.sends()) == (1, 2)
    assert core.senders.get("alerts").status is SenderStatus.EXPIRED
    authorise(core, google, "alerts")
    send(core)
    assert core.senders.get("alerts").status is SenderStatus.HEALTHY
    assert history(core) == ["registered", "reauthorized", "expired", "reauthorized"]


def test_the_whole_life_of_a_grant(core: Mailcore, google: GoogleSandbox, alerts: Sender) -> None:
    """Healthy, expired when Google withdraws the grant, healthy after the re-auth."""
    send(core, subject="one")
    google.expire_grant(ACCOUNT)
    with pytest.raises(ReauthRequired):
        send(core, subject="two")
    expired = core.senders.get("alerts")
    assert expired.status is SenderStatus.EXPIRED
    with pytest.raises(ReauthRequired):
        send(core, subject="three")
    assert core.senders.get("alerts").status_changed_at == expired.status_changed_at
    authorise(core, google, "alerts")
    send(core, subject="four")
    assert [mail.subject for mail in google.outbox] == ["one", "four"]
    assert [delivery.status.value for delivery in deliveries(core)] == [
        "sent",
        "failed",
        "failed",
        "sent",
    ]


def test_an_accepted_mail_ends_an_alarm(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """A sender marked expired or blocked by mistake turns healthy with the next mail."""
    for fault, status in (
        (faults.INSUFFICIENT_PERMISSIONS, SenderStatus.EXPIRED),
        (faults.MAIL_SERVICE_NOT_ENABLED, SenderStatus.BLOCKED),
    ):
        google.fail("send", fault)
        with pytest.raises(Exception, match="alerts"):
            send(core)
        assert core.senders.get("alerts").status is status
        send(core)
        sender = core.senders.get("alerts")
        assert (sender.status, sender.status_reason) == (SenderStatus.HEALTHY, None)
        assert sender.last_error_code is None
    assert history(core)[2:] == ["expired", "healthy", "blocked", "healthy"]


def test_a_wrong_client_is_one_banner_for_all(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """A disabled API flips no sender; the page shows it till the next mail gets through."""
    google.fail("send", faults.ACCESS_NOT_CONFIGURED)
    with pytest.raises(ConfigurationError):
        send(core)
    page = core.senders.page()
    assert page.problem is not None
    assert (page.problem.code, page.problem.alias) == ("api_disabled", "alerts")
    assert page.totals.healthy == 1
    assert history(core) == ["registered", "reauthorized"]
    core.check("alerts")  # that the token endpoint is content does not switch the API on
    assert core.senders.page().problem == page.problem
    send(core)
    assert core.senders.page().problem is None


def test_a_check_keeps_what_only_gmail_knows(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """A grant that lacks a permission can be renewed, and the page still says what it lacks."""
    google.fail("send", faults.INSUFFICIENT_PERMISSIONS)
    with pytest.raises(ReauthRequired):
        send(core)
    checked = core.check("alerts")
    assert (checked.status, checked.last_error_code) == (SenderStatus.EXPIRED, "scope_missing")


def test_an_exhausted_project_quota_is_a_banner_too(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """The daily limit is the whole project's, so it is shown to everyone."""
    google.fail("send", faults.DAILY_LIMIT_EXCEEDED, times=None)
    with pytest.raises(Exception, match="slow down"):
        send(core, timeout=2)
    problem = core.senders.page().problem
    assert problem is not None
    assert problem.code == "quota_exceeded"


@pytest.fixture
def another_process(core: Mailcore) -> Mailcore:
    """A second deployment on the same database, with connections of its own."""
    return Mailcore(core.settings)


def test_a_late_failure_does_not_undo_a_reauth(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, another_process: Mailcore
) -> None:
    """A slow job that fails on the old grant leaves the sender healthy, and its mail goes out."""
    with google.hold("send") as gate, ThreadPoolExecutor(1) as pool:
        slow: Future[Sent] = pool.submit(send, core, timeout=10)
        gate.wait_for_arrivals(1)
        google.expire_grant(ACCOUNT)
        authorise(another_process, google, "alerts")
        gate.release()
        sent = slow.result()
    assert core.senders.get("alerts").status is SenderStatus.HEALTHY
    assert history(core) == ["registered", "reauthorized", "reauthorized"]
    [mail] = google.outbox
    assert mail.gmail_id == sent.gmail_id
    another_process.close()


def test_a_permission_given_meanwhile_is_used(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, another_process: Mailcore
) -> None:
    """A mail refused for want of a permission goes out with the grant that brought it."""
    google.fail("send", faults.INSUFFICIENT_PERMISSIONS)
    with google.hold("send", at="answer") as gate, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(send, core, timeout=10)
        gate.wait_for_arrivals(1)
        authorise(another_process, google, "alerts")
        gate.release()
        slow.result()
    assert core.senders.get("alerts").status is SenderStatus.HEALTHY
    assert the_delivery(core).attempts == 2
    another_process.close()


def test_a_late_refusal_does_not_undo_a_reauth(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, another_process: Mailcore
) -> None:
    """The same where Gmail refuses the account: what the new grant says of it counts."""
    google.fail("send", faults.MAIL_SERVICE_NOT_ENABLED)
    with google.hold("send", at="answer") as gate, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(send, core, timeout=10)
        gate.wait_for_arrivals(1)
        authorise(another_process, google, "alerts")
        gate.release()
        slow.result()
    assert core.senders.get("alerts").status is SenderStatus.HEALTHY
    assert the_delivery(core).status is DeliveryStatus.SENT
    assert history(core) == ["registered", "reauthorized", "reauthorized"]
    another_process.close()


def test_a_late_success_does_not_heal_a_newer_grant(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, another_process: Mailcore
) -> None:
    """That the old grant still worked says nothing of the new one, which Google refused."""
    with google.hold("send", at="answer") as gate, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(send, core, timeout=10)
        gate.wait_for_arrivals(1)
        authorise(another_process, google, "alerts")
        google.fail("token", faults.INVALID_GRANT)
        another_process.check("alerts")
        gate.release()
        slow.result()
    assert core.senders.get("alerts").status is SenderStatus.EXPIRED
    assert the_delivery(core).status is DeliveryStatus.SENT
    another_process.close()


def test_a_sender_that_is_deleted_in_mid_send(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """What was on its way with a grant that lives on is sent and recorded; it stays deleted."""
    with google.hold("send") as gate, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(send, core, timeout=10)
        gate.wait_for_arrivals(1)
        core.senders.delete("alerts", by="ann", keep_grant=True)
        gate.release()
        slow.result()
    assert the_delivery(core).status is DeliveryStatus.SENT
    assert history(core) == ["registered", "reauthorized", "deleted", "grant kept"]
    with pytest.raises(SenderNotFound, match="was deleted"):
        send(core)


@pytest.mark.parametrize("consents", [1, 2])
def test_a_failure_is_not_held_against_a_namesake(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, consents: int
) -> None:
    """A sender registered anew under the old name has nothing to do with the old grant's end."""
    google.fail("send", faults.INSUFFICIENT_PERMISSIONS)
    with google.hold("send", at="answer") as gate, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(send, core, timeout=10)
        gate.wait_for_arrivals(1)
        core.senders.delete("alerts", by="ann")
        core.senders.register("alerts", gmail_account=ACCOUNT, by="ann")
        for _ in range(consents):
            authorise(core, google, "alerts")
        gate.release()
        with pytest.raises(ReauthRequired):
            slow.result()
    assert core.senders.get("alerts").status is SenderStatus.HEALTHY
    assert the_delivery(core).status is DeliveryStatus.FAILED


def test_a_grant_without_permission_to_send(core: Mailcore, google: GoogleSandbox) -> None:
    """A token file without the scope for sending asks for a re-auth, not for a new message."""
    secrets = core.settings.gmail_secrets_dir
    _write_token_file(secrets, google, "ldraney", scopes=["gmail.metadata"])
    with pytest.raises(ReauthRequired):
        send(core, "ldraney")
    assert core.senders.get("ldraney").status is SenderStatus.EXPIRED


def test_a_token_file_of_an_unknown_account_sends(core: Mailcore, google: GoogleSandbox) -> None:
    """gmail-sdk's file need not say whose it is: Gmail itself puts the sender's address in."""
    secrets = core.settings.gmail_secrets_dir
    before = _write_token_file(secrets, google, "ldraney")
    send(core, "ldraney")
    [mail] = google.outbox
    assert mail.account == ACCOUNT
    assert "From" not in mail.email
    assert mail.recipients == ["ops@example.com"]
    sender = core.senders.get("ldraney")
    assert (sender.status, sender.gmail_account) == (SenderStatus.HEALTHY, None)
    assert history(core, "ldraney") == ["imported"]
    google.expire_access_tokens()
    send(core, "ldraney")
    assert (secrets / "gmail-ldraney.json").read_text() == before


def test_jobs_that_meet_a_dead_access_token_share_one_renewal(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """However many mails wait for it, the grant is renewed once."""
    google.expire_access_tokens()
    with google.hold("send") as gate, ThreadPoolExecutor(8) as pool:
        sends = [pool.submit(send, core, timeout=20) for _ in range(8)]
        gate.wait_for_arrivals(8)
        gate.release()
        assert len({future.result().gmail_id for future in sends}) == 8
    assert google.requests.refreshes() == 1
    assert len(google.outbox) == 8


def test_a_rejected_message_takes_nothing_back(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """A bad message in between leaves the sender's last success where it was."""
    send(core)
    before = core.senders.get("alerts").last_sent_at
    google.fail("send", faults.INVALID_ARGUMENT)
    with pytest.raises(MessageRejected):
        send(core)
    assert core.senders.get("alerts").last_sent_at == before


def _write_token_file(
    secrets: Path, google: GoogleSandbox, name: str, scopes: Sequence[str] = ("gmail.send",)
) -> str:
    """Write what gmail-sdk writes."""
    tokens = google.issue_grant(ACCOUNT, scopes)
    secrets.mkdir(exist_ok=True)
    (secrets / "credentials.json").write_text(google.credentials_json)
    text = json.dumps({**tokens, "expires_at": 4_000_000_000})
    (secrets / f"gmail-{name}.json").write_text(text)
    return text

"""Senders that send with a service account: nobody consents, and nothing expires."""

import json
from datetime import timedelta

import pytest

from mailcore import (
    ConfigurationError,
    InvalidSender,
    Mailcore,
    SenderBlocked,
    SenderStatus,
    TemporaryFailure,
    describe_drafts,
    describe_grant,
    now,
)
from mailcore.sandbox import GoogleSandbox, ServiceAccount, faults
from mailcore.sandbox.responses import token_error
from tests.support.authorise import ACCOUNT, authorise
from tests.support.driving import Tables, at_once
from tests.support.queueing import drain, queue
from tests.support.steps import deliveries, history, send

COMPOSE = "https://www.googleapis.com/auth/gmail.compose"
SEND = "https://www.googleapis.com/auth/gmail.send"


@pytest.fixture
def account(google: GoogleSandbox) -> ServiceAccount:
    """A service account that the Workspace's admin lets send."""
    made = google.register_service_account()
    google.delegate(made)
    return made


@pytest.fixture
def alerts(core: Mailcore, account: ServiceAccount) -> str:
    """A sender that sends with it."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="ann")
    sender = core.service_accounts.use("alerts", account.key_json, by="ann")
    assert sender.status is SenderStatus.HEALTHY
    return "alerts"


def test_it_sends_and_never_expires(
    core: Mailcore, google: GoogleSandbox, account: ServiceAccount, alerts: str
) -> None:
    """No consent screen was seen, and no end is known."""
    send(core)
    assert [mail.account for mail in google.outbox] == [ACCOUNT]
    sender = core.senders.get(alerts)
    assert (sender.service_account, sender.granted_scopes) == (account.email, (SEND,))
    assert (sender.grant_expires_at, sender.expiring) == (None, False)
    assert describe_grant(sender, now() + timedelta(days=900)) == "no expiry: service account"
    assert history(core) == ["registered", "reauthorized"]
    assert core.senders.events(alerts)[0].detail == f"service account {account.email}"
    assert not core.senders.page(status="due").senders


def test_its_access_is_renewed_once_for_all_who_wait(
    core: Mailcore, google: GoogleSandbox, alerts: str, tables: Tables
) -> None:
    """By the same path as any other grant's."""
    tables.make_access_tokens_stale()
    google.requests.reset()
    for sent in at_once(8, lambda: send(core)):
        assert not isinstance(sent, Exception)
    assert google.requests.refreshes(ACCOUNT) == 1
    assert len(google.outbox) == 8


def test_what_waited_for_a_consent_goes_out(
    core: Mailcore, google: GoogleSandbox, account: ServiceAccount
) -> None:
    """A service account does what a re-auth does."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="ann")
    authorise(core, google)
    google.expire_grant(ACCOUNT)
    queue(core)
    drain(core)
    assert core.senders.get("alerts").status is SenderStatus.EXPIRED
    core.service_accounts.use("alerts", account.key_json, by="ann")
    drain(core)
    assert len(google.outbox) == 1


def test_a_consent_takes_its_place(
    core: Mailcore, google: GoogleSandbox, alerts: str, tables: Tables
) -> None:
    """A re-auth goes back to a person's grant, which is renewed as such."""
    authorise(core, google)
    sender = core.senders.get(alerts)
    assert sender.service_account is None
    assert sender.grant_expires_at is not None
    tables.make_access_tokens_stale()
    send(core)
    assert google.requests.refreshes(ACCOUNT) == 2


def test_without_delegation_nothing_changes_and_the_admin_console_is_named(
    core: Mailcore, google: GoogleSandbox
) -> None:
    """The error has what the Workspace's admin has to enter."""
    account = google.register_service_account()
    core.senders.register("alerts", gmail_account=ACCOUNT, by="ann")
    with pytest.raises(SenderBlocked) as refused:
        core.service_accounts.use("alerts", account.key_json, by="ann")
    assert "unauthorized_client" in refused.value.message
    assert account.client_id in refused.value.message
    assert SEND in refused.value.message
    assert "Domain-wide delegation" in (refused.value.remedy or "")
    sender = core.senders.get("alerts")
    assert (sender.status, sender.service_account) == (SenderStatus.PENDING, None)


def test_delegation_that_ends_blocks_and_its_return_heals(
    core: Mailcore, google: GoogleSandbox, account: ServiceAccount, alerts: str, tables: Tables
) -> None:
    """A re-auth would not help, so nobody is sent there; a probe finds out that it works again."""
    google.delegate(account, scopes=())
    tables.make_access_tokens_stale()
    queue(core)
    drain(core)
    sender = core.senders.get(alerts)
    assert sender.status is SenderStatus.BLOCKED
    assert account.client_id in (sender.status_reason or "")
    assert [row.status for row in deliveries(core)] == ["held"]
    with pytest.raises(SenderBlocked, match="service account"):
        send(core)

    google.delegate(account)
    assert core.check(alerts).status is SenderStatus.HEALTHY
    tables("UPDATE sender SET next_send_at = NULL")
    drain(core)
    assert len(google.outbox) == 1


def test_a_deleted_key_blocks_until_a_new_one_is_given(
    core: Mailcore, google: GoogleSandbox, account: ServiceAccount, alerts: str, tables: Tables
) -> None:
    """``invalid_grant`` says the same of an expired grant; here it is the key."""
    google.delete_key(account)
    tables.make_access_tokens_stale()
    with pytest.raises(SenderBlocked, match="Invalid JWT Signature"):
        send(core)
    another = google.register_service_account()
    google.delegate(another)
    core.service_accounts.use(alerts, another.key_json, by="ann")
    send(core)


def test_a_mailbox_that_does_not_exist(
    core: Mailcore, google: GoogleSandbox, account: ServiceAccount
) -> None:
    """Nothing is stored for it."""
    core.senders.register("alerts", gmail_account="nobody@example.com", by="ann")
    with pytest.raises(SenderBlocked, match="Invalid email or User ID"):
        core.service_accounts.use("alerts", account.key_json, by="ann")


def test_gmails_refusal_expires_nobody(core: Mailcore, google: GoogleSandbox, alerts: str) -> None:
    """A re-auth could not fix it."""
    google.fail("send", faults.UNAUTHORIZED, times=2)
    with pytest.raises(SenderBlocked):
        send(core)
    assert core.senders.get(alerts).status is SenderStatus.BLOCKED


CLOCK = faults.Fault(
    "clock",
    status=400,
    body=token_error(
        "invalid_grant",
        "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
        "timeframe. Check your iat and exp values in the JWT claim.",
    ),
)


@pytest.mark.parametrize("fault", [faults.SERVICE_UNAVAILABLE_HTML, CLOCK], ids=lambda f: f.name)
def test_what_passes_blocks_nobody(
    core: Mailcore, google: GoogleSandbox, alerts: str, tables: Tables, fault: faults.Fault
) -> None:
    """An outage, or this machine's clock."""
    google.fail("token", fault, times=None)
    tables.make_access_tokens_stale()
    with pytest.raises(TemporaryFailure):
        send(core, timeout=1)
    assert core.senders.get(alerts).status is SenderStatus.HEALTHY


def test_it_has_to_know_the_mailbox(
    core: Mailcore, google: GoogleSandbox, account: ServiceAccount
) -> None:
    """There is no consent that could tell it."""
    core.senders.register("alerts", by="ann")
    with pytest.raises(InvalidSender) as refused:
        core.service_accounts.use("alerts", account.key_json, by="ann")
    assert refused.value.field == "gmail_account"
    assert google.requests.refreshes() == 0


def _with(account: ServiceAccount, **changes: object) -> str:
    return json.dumps({**json.loads(account.key_json), **changes})


@pytest.mark.parametrize("broken", ["nothing", "an OAuth client", "no key", "a list", "cut short"])
def test_what_is_no_key_is_refused_at_once(
    core: Mailcore, google: GoogleSandbox, account: ServiceAccount, broken: str
) -> None:
    """Google is not asked, and the error shows nothing of the file."""
    content = {
        "nothing": "",
        "an OAuth client": google.credentials_json,
        "no key": _with(account, private_key="-----BEGIN PRIVATE KEY-----\nx\n"),
        "a list": "[1]",
        "cut short": account.key_json[:400],
    }[broken]
    core.senders.register("alerts", gmail_account=ACCOUNT, by="ann")
    with pytest.raises(ConfigurationError, match="not the key of a service account") as refused:
        core.service_accounts.use("alerts", content, by="ann")
    assert "BEGIN" not in str(refused.value)
    assert google.requests.refreshes() == 0


def test_drafts_are_asked_for_when_the_key_is_given(
    core: Mailcore, google: GoogleSandbox, account: ServiceAccount, alerts: str, tables: Tables
) -> None:
    """Switching them on blocks no sender whose delegation does not allow them."""
    core.senders.set_use_drafts(alerts, use_drafts=True, by="ann")
    tables.make_access_tokens_stale()
    send(core)
    assert describe_drafts(core.senders.get(alerts)) == "drafts once its key is given again"
    with pytest.raises(SenderBlocked, match=r"gmail\.compose"):
        core.service_accounts.use(alerts, account.key_json, by="ann")
    google.delegate(account, ["gmail.compose"])
    sender = core.service_accounts.use(alerts, account.key_json, by="ann")
    assert sender.granted_scopes == (COMPOSE,)
    send(core)
    assert len(google.outbox) == 2


def test_deleting_it_asks_google_for_nothing(
    core: Mailcore, google: GoogleSandbox, alerts: str
) -> None:
    """Nobody has granted anything that could be revoked."""
    assert core.senders.delete(alerts, by="ann").grant == "no grant"
    assert google.requests.revocations() == 0


def test_its_key_is_seen_nowhere(
    core: Mailcore,
    google: GoogleSandbox,
    alerts: str,
    tables: Tables,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not in a value, an event, a log or an error."""
    google.fail("token", faults.INVALID_GRANT, times=None)
    tables.make_access_tokens_stale()
    with pytest.raises(SenderBlocked) as refused:
        send(core)
    values = (core.senders.get(alerts), core.senders.events(alerts), refused.value)
    shown = f"{values} {caplog.text}"
    assert "PRIVATE KEY" not in shown
    assert not [secret for secret in google.secrets if secret in shown]

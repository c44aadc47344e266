"""Who is blamed, and for how long: the message's author, the sender, or the deployment."""

import threading

import pytest

from mailcore import (
    ConfigurationError,
    DeliveryStatus,
    InvalidMessage,
    Mailcore,
    ReauthRequired,
    Sender,
    SenderStatus,
)
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import authorise
from tests.support.steps import send, the_delivery


def test_a_mail_without_to_names_the_field_or_goes_to_the_others(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """`to` may be left out where there is another recipient; else the error names it."""
    core.send_email("alerts", cc="ops@example.com", subject="Hello", text="there")
    assert list(google.outbox[0].recipients) == ["ops@example.com"]

    with pytest.raises(InvalidMessage) as caught:
        core.send_email("alerts", subject="Hello", text="there")
    assert caught.value.field == "to"


def test_a_mail_through_a_sender_that_was_never_authorised_is_on_record(core: Mailcore) -> None:
    """Somebody wanted to send it: the admin sees that, and why it did not go."""
    core.senders.register("alerts", gmail_account="alerts@example.com", by="ann")

    with pytest.raises(ReauthRequired) as caught:
        send(core)

    delivery = the_delivery(core)
    assert caught.value.delivery_id == delivery.id
    assert (delivery.status, delivery.error_code) == (DeliveryStatus.FAILED, "reauth_required")
    assert core.senders.get("alerts").status is SenderStatus.PENDING


def test_a_missing_permission_is_told_from_a_dead_grant(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """The page can say: tick every box, rather than: the password was changed."""
    google.fail("send", faults.INSUFFICIENT_PERMISSIONS)

    with pytest.raises(ReauthRequired):
        send(core)

    assert core.senders.get("alerts").last_error_code == "scope_missing"


def test_the_banner_goes_when_any_sender_gets_through_again(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """The API was enabled: that one sender has not sent since does not keep the banner up."""
    core.senders.register("billing", gmail_account="billing@example.com", by="ann")
    authorise(core, google, "billing")
    google.fail("send", faults.ACCESS_NOT_CONFIGURED)
    with pytest.raises(ConfigurationError):
        send(core)
    assert core.senders.page().problem is not None

    send(core, "billing")

    assert core.senders.page().problem is None


def test_a_mail_given_up_while_waiting_to_try_again_is_no_open_question(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C after Gmail said 503: it certainly did not go out, and nobody is asked about it."""
    google.fail("send", faults.SERVICE_UNAVAILABLE, times=None)
    monkeypatch.setattr("tenacity.nap.time.sleep", _interrupted)

    with pytest.raises(KeyboardInterrupt):
        send(core, timeout=30, idempotency_key="disk")

    assert the_delivery(core).status is DeliveryStatus.FAILED


def _interrupted(_seconds: float) -> None:
    raise KeyboardInterrupt


def test_many_renewals_at_once_do_not_hold_up_a_sender_that_needs_none(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """Google is slow to renew the access of twenty senders; the next one's mail goes out."""
    aliases = [f"sender{number}" for number in range(20)]
    for alias in aliases:
        account = f"{alias}@example.com"
        google.add_account(account)
        core.senders.register(alias, gmail_account=account, by="ann")
        authorise(core, google, alias)

    with google.hold("token") as gate:
        checks = [threading.Thread(target=core.check, args=[alias]) for alias in aliases]
        for check in checks:
            check.start()
        gate.wait_for_arrivals(len(aliases))
        send(core, timeout=3)
    for check in checks:
        check.join()

    assert [mail.account for mail in google.outbox] == ["alerts@example.com"]

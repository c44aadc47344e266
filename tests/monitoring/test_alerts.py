"""Alerts: what is told, to whom, once; and what happens where a channel takes nothing."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from mailcore import AlertKind, InvalidAlertChannel, Mailcore, NoticeStatus, Settings
from mailcore.sandbox import GoogleSandbox
from tests.support.alert_inbox import AlertInbox, alert_inbox
from tests.support.authorise import ACCOUNT, authorise, come_back
from tests.support.driving import Tables, at_once, eventually
from tests.support.worker_process import working

pytestmark = pytest.mark.process


@pytest.fixture
def inbox() -> Iterator[AlertInbox]:
    with alert_inbox() as inbox:
        yield inbox


@pytest.fixture
def alerting(settings: Settings, inbox: AlertInbox) -> Iterator[Mailcore]:
    """A deployment whose alerts go to the inbox at once."""
    values = {"alert_urls": inbox.url, "alert_delay": 0}
    with closing(Mailcore(Settings(**values))) as core:
        yield core


def pass_alerts(core: Mailcore) -> None:
    core.alerting.look()
    core.alerting.tell()


def ends_in(tables: Tables, alias: str, time: str) -> None:
    tables(
        "UPDATE sender SET grant_expires_at = now() + %s::interval WHERE alias = %s", time, alias
    )


def test_a_grant_is_told_of_twice_before_it_ends_and_when_it_has(
    alerting: Mailcore, authorised: str, inbox: AlertInbox, tables: Tables
) -> None:
    """48 hours before, 12 hours before, and when Google has refused it; each once."""
    pass_alerts(alerting)
    assert inbox.messages == []
    for time, title in (("47 hours", "expires soon"), ("11 hours", "expires soon")):
        ends_in(tables, authorised, time)
        for _ in range(2):
            pass_alerts(alerting)
        assert inbox.titles[-1] == f"pal-e-mail: alerts {title}"
    assert len(inbox.messages) == 2

    tables("UPDATE sender SET status = 'expired', status_reason = 'refused'")
    for _ in range(2):
        pass_alerts(alerting)
    assert inbox.titles[2:] == ["pal-e-mail: alerts expired"]


def test_the_link_in_an_alert_leads_to_a_healthy_sender(
    alerting: Mailcore, authorised: str, google: GoogleSandbox, inbox: AlertInbox, tables: Tables
) -> None:
    """One tap, Google, done; and whoever was told that it ended is told that it works again."""
    tables("UPDATE sender SET status = 'expired', status_reason = 'refused'")
    pass_alerts(alerting)
    link = inbox.messages[0]["message"].partition("Re-authorise: ")[2].split()[0]

    ticket = link.rpartition("/")[2]
    assert alerting.tickets.inspect(ticket).alias == authorised
    begun = alerting.tickets.redeem(ticket)
    come_back(alerting, google.consent(begun.url, ACCOUNT))
    pass_alerts(alerting)

    assert alerting.senders.get(authorised).status == "healthy"
    assert inbox.messages[1]["message"] == "Working again: alerts."
    pass_alerts(alerting)
    assert len(inbox.messages) == 2


def test_many_senders_of_a_project_are_one_message(
    core: Mailcore, alerting: Mailcore, google: GoogleSandbox, inbox: AlertInbox, tables: Tables
) -> None:
    """Grants that end on the same day bring one message, not one each."""
    for number in range(12):
        core.senders.register(f"s{number}", project="billing", gmail_account=ACCOUNT, by="t")
    authorise(core, google, alias="s0")
    tables(
        "UPDATE sender SET generation = 1, status = 'healthy',"
        " grant_expires_at = now() + interval '47 hours' + id * interval '10 minutes'"
    )
    pass_alerts(alerting)

    assert inbox.titles == ["billing: 12 expire soon"]
    assert "And 2 more." in inbox.messages[0]["message"]
    ends_in(tables, "s0", "46 hours")
    pass_alerts(alerting)
    assert len(inbox.messages) == 1


def test_a_channel_that_is_down_gets_it_later_and_that_is_seen(
    alerting: Mailcore, authorised: str, inbox: AlertInbox, tables: Tables
) -> None:
    """Nothing is lost; after a quarter of an hour, someone who looks is told."""
    inbox.is_down = True
    tables("UPDATE sender SET status = 'blocked', status_reason = 'suspended'")
    pass_alerts(alerting)
    (alert,) = alerting.alerts.list(authorised)
    assert alert.kind is AlertKind.BLOCKED
    assert alert.notices[0].status is NoticeStatus.WAITING
    assert alert.notices[0].error
    assert "secret-path" not in str(alerting.alerts.list()) + str(alerting.alerts.channels())
    assert alerting.alerts.health().silent_since is None

    tables("UPDATE alert_notice SET due_at = now() - interval '16 minutes'")
    assert alerting.alerts.health().silent_since is not None

    inbox.is_down = False
    pass_alerts(alerting)
    assert inbox.messages == [], "the channel rests for a moment"
    tables("UPDATE alert_channel SET next_try_at = now()")
    pass_alerts(alerting)
    assert inbox.titles == ["pal-e-mail: alerts blocked"]
    assert alerting.alerts.health().silent_since is None


def test_what_became_untrue_is_not_told(
    alerting: Mailcore, authorised: str, inbox: AlertInbox, tables: Tables
) -> None:
    """A sender that was fixed before its alert went out brings neither alert nor all-clear."""
    inbox.is_down = True
    tables("UPDATE sender SET status = 'expired', status_reason = 'refused'")
    pass_alerts(alerting)
    tables("UPDATE sender SET status = 'healthy', status_reason = NULL")
    tables("UPDATE alert_channel SET next_try_at = now()")
    inbox.is_down = False
    pass_alerts(alerting)

    assert inbox.messages == []
    (alert,) = alerting.alerts.list(authorised)
    assert alert.closed_at
    assert [notice.status for notice in alert.notices] == [NoticeStatus.CANCELLED]


def test_workers_that_look_at_once_tell_it_once(
    alerting: Mailcore, authorised: str, inbox: AlertInbox, tables: Tables
) -> None:
    """Any number of workers may run."""
    tables("UPDATE sender SET status = 'expired', status_reason = 'refused'")
    outcomes = at_once(4, lambda: pass_alerts(alerting))
    assert outcomes == [None] * 4
    pass_alerts(alerting)
    assert len(inbox.messages) == 1


def test_what_a_dead_worker_was_telling_is_told_by_another(
    alerting: Mailcore, authorised: str, inbox: AlertInbox, tables: Tables
) -> None:
    """An alert that may come twice is better than one that doesn't come."""
    inbox.is_down = True
    tables("UPDATE sender SET status = 'expired', status_reason = 'refused'")
    pass_alerts(alerting)
    inbox.is_down = False
    tables(
        "UPDATE alert_notice SET status = 'sending', batch = gen_random_uuid(),"
        " leased_until = now() + interval '1 minute'"
    )
    tables("UPDATE alert_channel SET next_try_at = NULL")
    pass_alerts(alerting)
    assert inbox.messages == []

    tables("UPDATE alert_notice SET leased_until = now() - interval '1 second'")
    pass_alerts(alerting)
    assert inbox.titles == ["pal-e-mail: alerts expired"]


def test_a_channel_is_added_tested_and_removed(
    core: Mailcore, authorised: str, inbox: AlertInbox, tables: Tables
) -> None:
    """Its URL is shown nowhere; once removed, it is told nothing."""
    channel_id = core.alerts.add_channel(inbox.url, urgent_only=True, by="ann@example.com")
    with pytest.raises(InvalidAlertChannel):
        core.alerts.add_channel(inbox.url, urgent_only=True, by="ann@example.com")
    with pytest.raises(InvalidAlertChannel):
        core.alerts.add_channel("no url", by="ann@example.com")
    (tested,) = core.alerts.test()
    assert tested.error is None
    assert inbox.titles == ["pal-e-mail: a test"]
    inbox.is_down = True
    (tested,) = core.alerts.test()
    assert tested.error
    assert "secret-path" not in repr(tested)

    core.alerts.remove_channel(channel_id)
    assert core.alerts.channels() == ()
    assert core.alerts.health().channels == 0


def test_a_running_worker_tells_what_is_wrong(
    alerting: Mailcore, authorised: str, inbox: AlertInbox, tables: Tables
) -> None:
    """Nobody has to call anything."""
    tables("UPDATE sender SET status = 'expired', status_reason = 'refused'")
    with working(alerting):
        eventually(lambda: inbox.titles == ["pal-e-mail: alerts expired"], seconds=60)


def test_mail_goes_through_a_sender_of_another_project(
    settings: Settings, google: GoogleSandbox, core: Mailcore, tables: Tables
) -> None:
    """A fault often takes a whole project with it."""
    for alias, project in (("alerts", "one"), ("other", "two")):
        account = f"{alias}@example.com"
        google.add_account(account)
        core.senders.register(alias, project=project, gmail_account=account, by="t")
        authorise(core, google, alias=alias, account=account)
    tables("UPDATE sender SET status = 'expired', status_reason = 'x' WHERE alias = 'alerts'")
    values = {"alert_urls": "palemail://ops@example.com", "alert_delay": 0}
    with closing(Mailcore(Settings(**values))) as mailing:
        pass_alerts(mailing)
        assert [sent.account for sent in google.outbox] == ["other@example.com"]
        (channel,) = mailing.alerts.channels()
        assert channel.label == "mail to ops@example.com"
        assert channel.lacks_sender, "only one healthy sender is left"

"""Alerts on the pages: channels are set up and tested, and silent alerts are seen."""

import pytest
from playwright.sync_api import expect

from mailcore import Mailcore
from tests.admin_ui.admin_calling import ALERTS, Authorise, Person, Serve
from tests.support.alert_inbox import alert_inbox
from tests.support.driving import Tables

pytestmark = [pytest.mark.browser, pytest.mark.process]


def test_a_channel_is_set_up_and_tested(
    serve: Serve, person: Person, core: Mailcore, authorised: Authorise
) -> None:
    """From the senders page, which says that nobody would be told, to a test that arrives."""
    authorised("alerts", ALERTS)
    with alert_inbox() as inbox:
        page = person(serve().url)
        expect(page.get_by_text("Nobody is told when a sender expires")).to_be_visible()
        page.get_by_role("link", name="Alert channels").click()
        page.get_by_placeholder("palemail://ops@example.com").fill("nonsense")
        page.get_by_role("button", name="Add channel").click()
        expect(page.get_by_text("This is no channel for alerts")).to_be_visible()

        page.get_by_placeholder("palemail://ops@example.com").fill(inbox.url)
        page.get_by_role("button", name="Add channel").click()
        expect(page.get_by_text("json://… (")).to_be_visible()
        assert "secret-path" not in page.content()
        page.get_by_role("button", name="Send a test to all channels").click()
        expect(page.get_by_text("took it")).to_be_visible()
        assert inbox.titles == ["pal-e-mail: a test"]

        page.get_by_role("button", name="Remove").click()
        expect(page.get_by_text("No channel is set up")).to_be_visible()
    assert core.alerts.channels() == ()


def test_alerts_that_do_not_arrive_are_seen(
    serve: Serve, person: Person, core: Mailcore, authorised: Authorise, tables: Tables
) -> None:
    """On the senders page, and with the sender that they are about."""
    authorised("alerts", ALERTS)
    with alert_inbox() as inbox:
        inbox.is_down = True
        core.alerts.add_channel(inbox.url, by="t")
        tables("UPDATE sender SET status = 'blocked', status_reason = 'suspended'")
        core.alerting.look()
        tables("UPDATE alert_notice SET due_at = now() - interval '20 minutes'")
        core.alerting.tell()
    served = serve()
    page = person(served.url)
    expect(page.get_by_text("Alerts don't arrive: one was due 20 min ago")).to_be_visible()
    page.goto(f"{served.url}/sender?sender=alerts")
    page.get_by_role("tab", name="History").click()
    page.get_by_text("Alerts (1)").click()
    expect(page.get_by_text("not told yet")).to_be_visible()

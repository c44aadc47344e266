"""What is plotted on the overview, and told to whom cannot see it."""

import re

import pytest
from playwright.sync_api import expect

from mailcore import Mailcore, MessageRejected
from mailcore.sandbox import GoogleSandbox, faults
from tests.admin_ui.admin_calling import ALERTS, BILLING, REPORTS, Authorise, Person, row
from tests.admin_ui.admin_program import Served
from tests.support.driving import Tables

pytestmark = pytest.mark.browser


def test_a_row_shows_what_its_sender_did_lately(
    served: Served, person: Person, core: Mailcore, google: GoogleSandbox, authorised: Authorise
) -> None:
    """Sent, failed and waiting, as bars and in words; nothing where nothing was done."""
    authorised("alerts", ALERTS)
    authorised("billing", BILLING)
    for number in range(3):
        core.send_email("alerts", to="ops@example.com", subject=str(number), text="…")
    google.fail("send", faults.INVALID_ARGUMENT)
    with pytest.raises(MessageRejected):
        core.send_email("alerts", to="ops@example.com", subject="bad", text="…")
    core.queue.pause("alerts", by="test")
    core.queue_email("alerts", to="ops@example.com", subject="later", text="…")
    page = person(served.url)
    told = "Last 30 days: 3 sent, 1 failed; 1 message waiting now"
    picture = row(page, "alerts").get_by_role("img", name=told)
    expect(picture).to_be_visible()
    for kind in ("sent", "failed", "waiting"):
        expect(picture.locator(f".{kind}")).to_have_count(1)
    expect(row(page, "billing").locator(".sparkline")).to_have_count(0)


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_the_coming_two_weeks_are_seen_at_a_glance(
    served: Served, person: Person, authorised: Authorise, tables: Tables, *, phone: bool
) -> None:
    """A bar for each day on which grants end; none while there is but one sender."""
    authorised("alerts", ALERTS)
    page = person(served.url, phone=phone)
    expect(row(page, "alerts")).to_be_visible()
    expect(page.get_by_text("Grants that end in the next two weeks")).to_have_count(0)
    authorised("billing", BILLING)
    authorised("reports", REPORTS)
    tables("UPDATE sender SET grant_expires_at = now() + interval '1 day' WHERE alias = 'reports'")
    days = page.get_by_role("figure").get_by_role("listitem")
    expect(days).to_have_count(14)
    expect(days.filter(has_text=re.compile("2 grants end"))).to_have_count(1)
    expect(page.locator(".ends .soon").filter(has_text="1 grant ends")).to_have_count(1)
    widest = page.evaluate("document.documentElement.scrollWidth")
    assert widest <= page.viewport_size["width"]  # type: ignore[index]

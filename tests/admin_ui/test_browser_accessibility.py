"""Every page as assistive technology meets it: axe finds nothing, in either theme."""

from collections.abc import Callable
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from mailcore import Mailcore, OutcomeUnknown, ReauthRequired
from mailcore.sandbox import GoogleSandbox, faults
from tests.admin_ui.admin_calling import ALERTS, BILLING, REPORTS, Authorise, Person, row
from tests.admin_ui.admin_program import Served
from tests.support.driving import Tables

pytestmark = pytest.mark.browser

#: WCAG 2.2 at level AA, and what axe's authors advise besides.
_RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "rules": {
        # Streamlit's own: what opens above the page is outside of its landmarks, and its uploader
        # names the frame around its button.
        "region": {"enabled": False},
        "presentation-role-conflict": {"enabled": False},
    },
}

Scheme = Literal["light", "dark"]
Opened = Callable[[str], Page]


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> Scheme:
    chosen: Scheme = request.param
    return chosen


@pytest.fixture
def opened(served: Served, person: Person, scheme: Scheme) -> Opened:
    """Open a page of the program in a theme."""
    context = person("about:blank").context

    def go(path: str) -> Page:
        page = context.new_page()
        page.emulate_media(color_scheme=scheme)
        page.goto(served.url + path)
        return page

    return go


@pytest.fixture
def a_bad_day(core: Mailcore, google: GoogleSandbox, authorised: Authorise, tables: Tables) -> None:
    """A sender of each kind, mail that waits, and mail that nobody knows about."""
    for alias, account in (("alerts", ALERTS), ("billing", BILLING), ("reports", REPORTS)):
        authorised(alias, account)
    google.fail("send", faults.CLOSE_AFTER)
    with pytest.raises(OutcomeUnknown):
        core.send_email("billing", to="ops@example.com", subject="Invoice 7", text="…")
    core.send_email("billing", to="ops@example.com", subject="Invoice 8", text="…")
    google.revoke_grant(ALERTS)
    with pytest.raises(ReauthRequired):
        core.send_email("alerts", to="ops@example.com", subject="Disk is full", text="…")
    core.queue_email("alerts", to="ops@example.com", subject="Disk is full", text="…")
    tables("UPDATE sender SET grant_expires_at = now() + interval '5 h' WHERE alias = 'billing'")
    tables("UPDATE sender SET status = 'blocked', status_reason = 'x' WHERE alias = 'reports'")
    core.senders.register("new", gmail_account="new@example.com", by="test")


def check(page: Page) -> None:
    """Let axe look at a page, and tell what it finds."""
    expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)
    expect(page.get_by_text("Something unexpected went wrong")).to_have_count(0)
    found = Axe().run(page, options=_RULES)
    assert not found.violations_count, found.generate_report()


def test_the_first_page_of_a_new_installation(opened: Opened) -> None:
    page = opened("/")
    expect(page.get_by_role("heading", name="No senders yet")).to_be_visible()
    check(page)


@pytest.mark.usefixtures("a_bad_day")
def test_the_list_and_its_dialogs(opened: Opened) -> None:
    page = opened("/")
    expect(row(page, "new")).to_be_visible()
    check(page)
    row(page, "alerts").get_by_role("button", name="Delete alerts").click()
    expect(page.get_by_role("button", name="Delete permanently")).to_be_enabled()
    check(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    row(page, "alerts").get_by_role("button", name="More for alerts").click()
    expect(page.get_by_role("menuitem").first).to_be_visible()
    check(page)
    page.get_by_role("menuitem", name="Link for the mailbox owner").click()
    expect(page.get_by_role("dialog")).to_contain_text("Not used yet")
    check(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Renew all due").click()
    expect(page.get_by_role("button", name="Renew 2 senders")).to_be_enabled()
    check(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Add a sender").click()
    expect(page.get_by_role("button", name="Add and authorise")).to_be_enabled()
    check(page)


@pytest.mark.usefixtures("a_bad_day")
def test_a_senders_page(opened: Opened) -> None:
    page = opened("/sender?sender=alerts")
    for tab in ("Overview", "Deliveries", "History", "Edit"):
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tabpanel", name=tab)).to_be_visible()
        check(page)


@pytest.mark.usefixtures("a_bad_day")
def test_the_deliveries(opened: Opened) -> None:
    page = opened("/deliveries")
    expect(page.get_by_text("Invoice 7")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    check(page)


def test_setup(opened: Opened) -> None:
    page = opened("/setup")
    expect(page.get_by_role("heading", name="Setup", exact=True)).to_be_visible()
    check(page)


@pytest.mark.usefixtures("a_bad_day")
def test_the_cards_on_the_way_to_google(opened: Opened, core: Mailcore) -> None:
    ticket = core.tickets.issue("alerts", by="test")
    page = opened(f"/senders/reauth/{(ticket.url or '').rpartition('/')[2]}")
    expect(page.get_by_role("heading", name="Authorise alerts")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Continue to Google").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="alerts is healthy")).to_be_visible()
    check(page)
    for path in ("/senders/callback?state=unknown", "/nowhere"):
        check(opened(path))

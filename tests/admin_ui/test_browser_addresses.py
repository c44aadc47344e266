"""Where am I: the address and the tab's title know it, and Back and reload keep it."""

import re

import pytest
from playwright.sync_api import Page, expect

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.admin_ui.admin_calling import ALERTS, BILLING, Authorise, Person, row
from tests.admin_ui.admin_program import Served
from tests.support.driving import Tables

pytestmark = pytest.mark.browser


@pytest.fixture
def sixty(core: Mailcore, tables: Tables) -> None:
    """As many senders as fill three pages, all but four of them pending."""
    core.senders.register("x", by="test")
    tables(
        "INSERT INTO sender (alias, project, status, status_changed_at, generation,"
        " granted_scopes, created_at, updated_at)"
        " SELECT 's' || lpad(n::text, 2, '0'), 'shop', CASE WHEN n > 56 THEN 'healthy'"
        " ELSE 'pending' END, now(), 0, granted_scopes, now(), now()"
        " FROM sender, generate_series(1, 60) AS n WHERE alias = 'x'"
    )
    core.senders.delete("x", by="test")


def is_at_the_top(page: Page) -> bool:
    top: int = page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop")
    return top == 0


@pytest.mark.usefixtures("sixty")
def test_filter_search_and_page_are_in_the_address(served: Served, person: Person) -> None:
    """Reload, and Back from a sender's page, show what was shown before."""
    page = person(served.url)
    page.get_by_role("radio", name="Pending 56").click()
    page.get_by_label("Search by alias, account or project").fill("s")
    expect(page).to_have_url(re.compile("search=s"))
    page.get_by_role("button", name="Page 3").click()
    expect(row(page, "s53")).to_be_visible()
    everything = re.compile(r"\?(?=.*show=pending)(?=.*search=s)(?=.*page=3)")
    expect(page).to_have_url(everything)
    page.reload()
    expect(row(page, "s53")).to_be_visible()
    expect(page.get_by_role("radio", name="Pending 56")).to_be_checked()
    row(page, "s53").get_by_role("link", name="s53", exact=True).click()
    expect(page.get_by_role("heading", name="s53")).to_be_visible()
    page.go_back()
    expect(row(page, "s53")).to_be_visible()
    expect(page).to_have_url(everything)
    other = person(page.url)
    expect(row(other, "s53")).to_be_visible()
    other.get_by_label("Search by alias, account or project").fill("shop")
    expect(row(other, "s01")).to_be_visible()
    expect(other).not_to_have_url(re.compile("page="))
    row(other, "s01").get_by_role("link", name="s01", exact=True).click()
    expect(other.get_by_role("heading", name="s01")).to_be_visible()
    other.go_back()
    expect(other).to_have_url(re.compile("search=shop"))
    expect(row(other, "s01")).to_be_visible()


@pytest.mark.usefixtures("sixty")
@pytest.mark.parametrize(
    "query", ["page=99", "page=-1", "page=x", "page=1e9", "show=odd", "page=0"]
)
def test_what_nobody_can_mean_is_left_out(served: Served, person: Person, query: str) -> None:
    """An old link, or one that somebody made up, shows a list all the same."""
    page = person(f"{served.url}/?{query}")
    expect(row(page, "s60" if query == "page=99" else "s01")).to_be_visible()
    expect(page.get_by_text("went wrong")).to_have_count(0)


@pytest.mark.usefixtures("sixty")
def test_another_page_begins_at_its_top(served: Served, person: Person) -> None:
    page = person(served.url)
    expect(row(page, "s25")).to_be_visible()
    page.get_by_role("button", name="Page 2").click()
    expect(row(page, "s26")).to_be_in_viewport()
    assert is_at_the_top(page)


def test_the_tab_says_how_many_need_a_person(
    served: Served, person: Person, core: Mailcore, google: GoogleSandbox, authorised: Authorise
) -> None:
    """It counts by itself, and each page has a title of its own."""
    authorised("alerts", ALERTS)
    authorised("billing", BILLING)
    page = person(served.url)
    expect(row(page, "alerts")).to_be_visible()
    expect(page).to_have_title("Senders · pal-e-mail")
    google.revoke_grant(ALERTS)
    core.check("alerts")
    expect(page).to_have_title("(1) Senders · pal-e-mail")
    for link, title in (("Deliveries", "Deliveries"), ("Setup", "Setup")):
        page.get_by_role("link", name=link, exact=True).click()
        expect(page).to_have_title(f"{title} · pal-e-mail")
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
    page.goto(f"{served.url}/sender?sender=alerts")
    expect(page).to_have_title("alerts · pal-e-mail")


def test_a_filter_of_deliveries_stays_and_goes(
    served: Served, person: Person, core: Mailcore, authorised: Authorise
) -> None:
    """A link brings it, Back brings it back, and *Clear filters* leaves the way back open."""
    authorised("alerts", ALERTS)
    core.send_email("alerts", to="ops@example.com", subject="Disk is full", text="94 %")
    page = person(f"{served.url}/deliveries?sender=alerts&outcome=Sent&since=Last+hour")
    expect(page.get_by_role("textbox", name="Sender")).to_have_value("alerts")
    expect(page.get_by_text("Disk is full")).to_be_visible()
    page.get_by_label("Subject or recipient").fill("nothing")
    expect(page.get_by_text("No deliveries match.")).to_be_visible()
    everything = re.compile(
        r"\?(?=.*text=nothing)(?=.*sender=alerts)(?=.*outcome=Sent)(?=.*since=)"
    )
    expect(page).to_have_url(everything)
    page.reload()
    expect(page.get_by_text("No deliveries match.")).to_be_visible()
    page.get_by_role("link", name="Senders", exact=True).click()
    expect(row(page, "alerts")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("No deliveries match.")).to_be_visible()
    expect(page).to_have_url(everything)
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_text("Disk is full")).to_be_visible()
    expect(page).to_have_url(f"{served.url}/deliveries")
    page.get_by_role("link", name="Senders", exact=True).click()
    expect(row(page, "alerts")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("Disk is full")).to_be_visible()
    expect(page).to_have_url(f"{served.url}/deliveries")

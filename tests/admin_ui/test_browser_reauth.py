"""The minute that matters, in a real browser against the stand-in for Google."""

import re

import pytest
from playwright.sync_api import Page, expect

from mailcore import Mailcore, ReauthRequired, SenderStatus
from mailcore.sandbox import GoogleSandbox
from tests.admin_ui.admin_calling import ALERTS, BILLING, Authorise, Person, allow, row
from tests.admin_ui.admin_program import Served

pytestmark = pytest.mark.browser


@pytest.fixture
def expired(core: Mailcore, google: GoogleSandbox, authorised: Authorise) -> str:
    """A sender whose grant its owner revoked, as a job found out."""
    authorised("alerts", ALERTS)
    google.revoke_grant(ALERTS)
    with pytest.raises(ReauthRequired):
        core.send_email("alerts", to="ops@example.com", subject="Disk is full", text="…")
    return "alerts"


def reauth(page: Page, alias: str) -> None:
    row(page, alias).get_by_role("button", name="Re-auth").click()


def to_google(page: Page) -> Page:
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Continue to Google").click()
    return popup.value


def test_two_clicks_and_a_consent_make_an_expired_sender_healthy(
    expired: str, served: Served, person: Person, core: Mailcore
) -> None:
    """Re-auth, Continue to Google, Continue there: dialog and badge turn by themselves."""
    page = person(served.url)
    expect(row(page, expired)).to_contain_text("Expired")
    expect(row(page, expired)).to_contain_text("password changed or access revoked")
    reauth(page, expired)
    allow(to_google(page))
    expect(page.get_by_role("dialog")).to_contain_text("alerts is healthy")
    page.get_by_role("button", name="Close", exact=True).last.click()
    expect(row(page, expired)).to_contain_text("Healthy")
    expect(row(page, expired)).to_contain_text(re.compile(r"expires in 6 d"))
    assert core.send_email("alerts", to="ops@example.com", subject="Again", text="…").gmail_id


def test_the_dialog_turns_in_its_place(expired: str, served: Served, person: Person) -> None:
    """While somebody watches, it neither closes and opens again nor loses its place."""
    page = person(served.url)
    reauth(page, expired)
    google_tab = to_google(page)
    page.evaluate(
        "new MutationObserver(() => {"
        "  if (!document.querySelector('[role=dialog]')) document.title = 'The dialog was away';"
        "}).observe(document.body, {childList: true, subtree: true})"
    )
    allow(google_tab)
    expect(page.get_by_role("dialog")).to_contain_text("alerts is healthy")
    expect(page).not_to_have_title("The dialog was away")


def test_the_wrong_account_is_named_in_the_dialog(
    expired: str, served: Served, person: Person, core: Mailcore
) -> None:
    """Both addresses are named, nothing changes, and Try again leads to the right one."""
    page = person(served.url)
    reauth(page, expired)
    allow(to_google(page), BILLING)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(BILLING)
    expect(dialog).to_contain_text(ALERTS)
    assert core.senders.get("alerts").status is SenderStatus.EXPIRED
    page.get_by_role("button", name="Try again").click()
    allow(to_google(page), ALERTS)
    expect(dialog).to_contain_text("alerts is healthy")


def test_a_cancelled_consent_is_told_in_the_dialog(
    expired: str, served: Served, person: Person
) -> None:
    """Cancel at Google does not leave the dialog waiting."""
    page = person(served.url)
    reauth(page, expired)
    to_google(page).get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


def test_the_consent_may_come_from_another_browser(
    expired: str, served: Served, person: Person
) -> None:
    """The link is opened on another machine; the dialog here turns all the same."""
    page = person(served.url)
    reauth(page, expired)
    link = page.get_by_role("link", name="Continue to Google").get_attribute("href")
    assert link
    allow(person(link))
    expect(page.get_by_role("dialog")).to_contain_text("alerts is healthy")


def test_the_mailboxs_owner_needs_no_admin_access(
    expired: str, served: Served, person: Person
) -> None:
    """A link for the owner leads to Google by one button, and the admin sees it happen."""
    page = person(served.url)
    reauth(page, expired)
    page.get_by_role("button", name="Create a link for the mailbox owner").click()
    link = page.get_by_role("dialog").get_by_text("/senders/reauth/").inner_text()
    owner = person(link)
    owner.get_by_role("button").click()
    allow(owner)
    expect(page.get_by_role("dialog")).to_contain_text("alerts is healthy")


def test_an_impatient_double_click_opens_one_dialog(
    expired: str, served: Served, person: Person
) -> None:
    """Two clicks on Re-auth end in one dialog whose link works."""
    page = person(served.url)
    row(page, expired).get_by_role("button", name="Re-auth").dblclick()
    expect(page.get_by_role("dialog")).to_have_count(1)
    allow(to_google(page))
    expect(page.get_by_role("dialog")).to_contain_text("alerts is healthy")


def test_back_from_google_leaves_a_working_page(
    expired: str, served: Served, person: Person
) -> None:
    """Who follows the link in the same tab and goes back can start again."""
    page = person(served.url)
    reauth(page, expired)
    link = page.get_by_role("link", name="Continue to Google").get_attribute("href")
    assert link
    page.goto(link)
    page.go_back()
    reauth(page, expired)
    allow(to_google(page))
    expect(page.get_by_role("dialog")).to_contain_text("alerts is healthy")


def test_everything_works_by_keyboard(expired: str, served: Served, person: Person) -> None:
    """Tab to Re-auth, Enter; the dialog has the focus, and its link is the next stop."""
    page = person(served.url)
    expect(row(page, expired)).to_be_visible()
    tab_to(page, "Re-auth")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Continue to Google")).to_be_visible()
    tab_to(page, "Continue to Google")
    with page.expect_popup() as popup:
        page.keyboard.press("Enter")
    tab_to(popup.value, "Continue")
    popup.value.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("alerts is healthy")
    tab_to(page, "Close")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)


def tab_to(page: Page, label: str) -> None:
    """Press Tab until the control with that label has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.locator("a:focus, button:focus")
        if focused.count() and label in focused.inner_text():
            return
    raise AssertionError(f"{label!r} cannot be reached by Tab")


def test_on_a_phone_the_same_minute(expired: str, served: Served, person: Person) -> None:
    """At 390 pixels nothing is cut off or scrolls sideways, and the flow is the same."""
    page = person(served.url, phone=True)
    expect(row(page, expired)).to_be_visible()
    assert width(page) <= 390
    reauth(page, expired)
    link = page.get_by_role("link", name="Continue to Google")
    expect(link).to_be_in_viewport(ratio=1)
    assert width(page) <= 390
    allow(to_google(page))
    expect(page.get_by_role("dialog")).to_contain_text("alerts is healthy")


def width(page: Page) -> int:
    """Return how wide the page is, what sticks out of it included."""
    widest: int = page.evaluate(
        "Math.max(document.documentElement.scrollWidth, "
        "...[...document.querySelectorAll('[data-testid=stMain] *')]"
        ".map(each => Math.round(each.getBoundingClientRect().right)))"
    )
    return widest


@pytest.fixture
def two_expired(expired: str, core: Mailcore, google: GoogleSandbox, authorised: Authorise) -> None:
    """Another one that is due."""
    authorised("billing", BILLING)
    google.revoke_grant(BILLING)
    core.check("billing")


@pytest.mark.usefixtures("two_expired")
def test_one_button_walks_through_everything_that_is_due(served: Served, person: Person) -> None:
    """Renew all due: after one consent the callback page offers the next one."""
    page = person(served.url)
    page.get_by_role("button", name="Renew all due (2)").click()
    page.get_by_role("button", name="Renew 2 senders").click()
    tab = to_google(page)
    allow(tab)
    expect(page.get_by_role("dialog")).to_contain_text("1 of 2 renewed")
    tab.get_by_text(re.compile("billing")).first.wait_for()
    tab.get_by_role("button").or_(
        tab.get_by_role("link", name=re.compile("Google|[Nn]ext"))
    ).first.click()
    allow(tab)
    expect(page.get_by_role("dialog")).to_contain_text("no sender is left to renew")

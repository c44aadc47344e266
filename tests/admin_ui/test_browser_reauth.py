"""The minute that matters, in a real browser against the stand-in for Google."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from mailcore import Mailcore, ReauthRequired, SenderStatus
from mailcore.sandbox import GoogleSandbox, faults
from tests.admin_ui.admin_calling import (
    ALERTS,
    BILLING,
    Authorise,
    Person,
    allow,
    follow,
    row,
    to_google,
)
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


def toast(page: Page) -> Locator:
    """Return what is shown briefly, and read out by screen readers."""
    return (
        page.get_by_role("alert")
        .and_(page.locator("[data-testid=stToast] *"))
        .or_(page.get_by_test_id("stToast"))
    )


def test_one_click_and_a_consent_make_an_expired_sender_healthy(
    expired: str, served: Served, person: Person, core: Mailcore
) -> None:
    """Re-auth, Continue at Google, done: the row turns by itself."""
    page = person(served.url)
    expect(row(page, expired)).to_contain_text("Expired")
    expect(row(page, expired)).to_contain_text("password probably changed, or access revoked")
    google_tab = to_google(page, expired)
    expect(row(page, expired)).to_contain_text("Waiting for Google…")
    allow(google_tab)
    expect(toast(page).first).to_contain_text("alerts is healthy and sends as alerts@example.com")
    expect(row(page, expired)).to_contain_text("Healthy")
    expect(row(page, expired)).to_contain_text("expires in 7 d")
    expect(row(page, expired)).not_to_contain_text("Waiting for Google…")
    assert core.send_email("alerts", to="ops@example.com", subject="Again", text="…").gmail_id
    assert "admin" in {event.who for event in core.senders.events("alerts")}


def test_the_row_turns_green_and_offers_a_test(
    expired: str, served: Served, person: Person, google: GoogleSandbox
) -> None:
    """The reward is seen where the trouble was, and one more click proves it."""
    page = person(served.url)
    allow(to_google(page, expired))
    expect(row(page, expired)).to_contain_text("Re-authorised just now")
    assert row(page, expired).evaluate("each => getComputedStyle(each).animationName") == "renewed"
    row(page, expired).get_by_role("button", name="Send a test message").click()
    page.get_by_role("button", name="Send test message").click()
    expect(page.get_by_role("dialog")).to_contain_text("Sent. Gmail ID")
    assert google.outbox[-1].subject == "Test message from alerts"


def test_nobody_hears_of_what_was_done_before(expired: str, served: Served, person: Person) -> None:
    """Whoever opens the page later sees a healthy sender, and no news."""
    allow(to_google(person(served.url), expired))
    page = person(served.url)
    expect(row(page, expired)).to_contain_text("Healthy")
    expect(toast(page)).to_have_count(0)


def test_the_wrong_account_is_named_in_the_row(
    expired: str, served: Served, person: Person, core: Mailcore
) -> None:
    """Both addresses are named, nothing changes, and the next click leads to the right one."""
    page = person(served.url)
    allow(to_google(page, expired), BILLING)
    expect(row(page, expired)).to_contain_text("Not done just now")
    expect(row(page, expired)).to_contain_text(BILLING)
    assert core.senders.get("alerts").status is SenderStatus.EXPIRED
    row(page, expired).get_by_role("button", name="What to do").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Try again with the right account.")
    allow(follow(page, dialog.get_by_role("link", name="Try again")), ALERTS)
    expect(row(page, expired)).to_contain_text("Healthy")
    expect(dialog).to_have_count(0)


def test_after_a_wrong_account_google_asks_which(
    expired: str, served: Served, person: Person
) -> None:
    """Otherwise it would choose the wrong one again, without a question."""
    page = person(served.url)
    allow(to_google(page, expired), BILLING)
    expect(row(page, expired)).to_contain_text("Not done")
    assert "select_account" in to_google(page, expired).url


def test_a_cancelled_consent_is_told_in_the_row(
    expired: str, served: Served, person: Person
) -> None:
    """Cancel at Google does not leave the row waiting, and its link works again."""
    page = person(served.url)
    to_google(page, expired).get_by_role("button", name="Cancel").click()
    expect(row(page, expired)).to_contain_text("Not done just now")
    allow(to_google(page, expired))
    expect(row(page, expired)).to_contain_text("Healthy")


def test_a_refused_client_leads_to_setup(
    expired: str, served: Served, person: Person, google: GoogleSandbox
) -> None:
    """Trying again would not help: the secret is wrong."""
    page = person(served.url)
    google_tab = to_google(page, expired)
    google.fail("token", faults.INVALID_CLIENT)
    allow(google_tab)
    row(page, expired).get_by_role("button", name="What to do").click()
    page.get_by_role("dialog").get_by_role("link", name="Open Setup").click()
    expect(page.get_by_role("heading", name="Setup", exact=True)).to_be_visible()


def test_the_consent_may_come_from_another_browser(
    expired: str, served: Served, person: Person
) -> None:
    """Another admin is asked to do it; the row here turns all the same."""
    page, other = person(served.url), person(served.url)
    expect(row(page, expired)).to_contain_text("Expired")
    google_tab = to_google(other, expired)
    expect(row(page, expired)).to_contain_text("Waiting for Google…")
    allow(google_tab)
    expect(row(page, expired)).to_contain_text("Healthy")


def test_a_typed_address_leads_straight_to_google(
    expired: str, served: Served, person: Person, google: GoogleSandbox
) -> None:
    """So does a bookmark."""
    page = person(f"{served.url}/reauth/{expired}")
    assert page.url.startswith(google.url)


def test_another_site_begins_nothing(
    expired: str, served: Served, person: Person, core: Mailcore, google: GoogleSandbox
) -> None:
    """A link from elsewhere ends at a question, and the answer leads on."""
    page = person(f"{google.url}/")
    page.set_content(f'<a href="{served.url}/reauth/{expired}">Win a prize</a>')
    page.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Re-authorise alerts")).to_be_visible()
    assert not core.authorizations.unfinished((expired,))
    page.get_by_role("button", name="Continue to Google").click()
    allow(page)
    assert core.senders.get(expired).status is SenderStatus.HEALTHY


def test_a_sender_that_is_gone_is_told_of(served: Served, person: Person) -> None:
    """Somebody deleted it a moment ago."""
    page = person(f"{served.url}/reauth/nobody")
    expect(page.get_by_role("heading", name="No such sender")).to_be_visible()


def test_strangers_begin_nothing(
    expired: str, served: Served, person: Person, core: Mailcore
) -> None:
    """Without the start link, or a login, the address is as closed as the page."""
    page = person(f"{served.url}/reauth/{expired}", stranger=True)
    expect(page.get_by_role("heading", name="You need the link to this page")).to_be_visible()
    assert not core.authorizations.unfinished((expired,))


def test_the_mailboxs_owner_needs_no_admin_access(
    expired: str, served: Served, person: Person
) -> None:
    """A link for the owner leads to Google by one button, and the admin sees it happen."""
    page = person(served.url)
    row(page, expired).get_by_role("button", name="More for alerts").click()
    page.get_by_role("menuitem", name="Link for the mailbox owner").click()
    dialog = page.get_by_role("dialog")
    link = dialog.get_by_text("/senders/reauth/").inner_text()
    owner = person(link)
    expect(dialog).to_contain_text("Not used yet")
    owner.get_by_role("button").click()
    expect(dialog).to_contain_text("someone is on Google's page")
    allow(owner)
    expect(dialog).to_contain_text("Done just now")
    expect(row(page, expired)).to_contain_text("Healthy")


def test_an_impatient_double_click_harms_nothing(
    expired: str, served: Served, person: Person
) -> None:
    """Two tabs open at Google; whichever is used makes the sender healthy."""
    page = person(served.url)
    link = row(page, expired).get_by_role("link", name="Re-auth alerts")
    with page.context.expect_page() as first, page.context.expect_page():
        link.dblclick()
    allow(first.value)
    expect(row(page, expired)).to_contain_text("Healthy")


def test_everything_works_by_keyboard(expired: str, served: Served, person: Person) -> None:
    """Tab to Re-auth, Enter, Continue at Google; nothing is left to close."""
    page = person(served.url)
    expect(row(page, expired)).to_be_visible()
    tab_to(page, "Re-auth")
    with page.expect_popup() as popup:
        page.keyboard.press("Enter")
    tab_to(popup.value, "Continue")
    popup.value.keyboard.press("Enter")
    expect(row(page, expired)).to_contain_text("Healthy")
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
    link = row(page, expired).get_by_role("link", name="Re-auth alerts")
    expect(link).to_be_in_viewport(ratio=1)
    assert width(page) <= 390
    delete = row(page, expired).get_by_role("button", name="Delete alerts").bounding_box()
    reauth = link.bounding_box()
    assert delete
    assert reauth
    assert reauth["y"] - delete["y"] > 60, "a thumb on Re-auth does not hit Delete"
    allow(to_google(page, expired))
    expect(row(page, expired)).to_contain_text("Re-authorised just now")
    assert width(page) <= 390


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
    tab = follow(page, page.get_by_role("link", name="Continue to Google"))
    allow(tab)
    expect(page.get_by_role("dialog")).to_contain_text("1 of 2 renewed")
    tab.get_by_text(re.compile("billing")).first.wait_for()
    tab.get_by_role("button").or_(
        tab.get_by_role("link", name=re.compile("Google|[Nn]ext"))
    ).first.click()
    allow(tab)
    expect(page.get_by_role("dialog")).to_contain_text("no sender is left to renew")

"""The consent page and the home page in a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.sandbox.sandbox_calling import BOB, Caller, mail, query_of

pytestmark = pytest.mark.browser


@pytest.fixture
def browser_page(window: Callable[..., Page]) -> Page:
    return window(phone=True)


def test_a_person_consents_on_a_phone(caller: Caller, browser_page: Page) -> None:
    """Choose, untick, allow: the browser ends up where the client wanted it."""
    back = caller.google.url + "/outbox"
    browser_page.goto(caller.authorization_url(redirect_uri=back))
    width = browser_page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    browser_page.get_by_label(BOB).check()
    browser_page.get_by_label("Send email on your behalf").uncheck()
    browser_page.get_by_role("button", name="Continue").click()
    browser_page.wait_for_url(back + "?*")
    outcome = query_of(browser_page.url)
    assert outcome["state"] == "a-state"
    assert "gmail.send" not in outcome["scope"]
    assert "openid" in outcome["scope"]


def test_a_person_cancels_without_choosing(caller: Caller, browser_page: Page) -> None:
    """Cancel works even while no account is chosen."""
    back = caller.google.url + "/outbox"
    browser_page.goto(caller.authorization_url(redirect_uri=back, prompt="select_account"))
    browser_page.get_by_role("button", name="Cancel").click()
    browser_page.wait_for_url(back + "?*")
    assert query_of(browser_page.url)["error"] == "access_denied"


def test_a_person_revokes_a_grant_and_reads_the_mail(caller: Caller, browser_page: Page) -> None:
    """The home page's button ends the grant; the outbox leads to the mail."""
    token = caller.google.issue_grant(BOB)["access_token"]
    caller.send(token, mail("Disk is full"))
    browser_page.goto(caller.google.url)
    browser_page.get_by_role("region", name=BOB).get_by_role("button", name="Revoke grant").click()
    browser_page.get_by_role("region", name=BOB).get_by_text("revoked").wait_for()
    browser_page.get_by_role("link", name="Outbox").click()
    browser_page.get_by_role("link", name="Disk is full").click()
    browser_page.get_by_text("It is.").wait_for()

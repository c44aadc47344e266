"""The pages in a real browser, on a phone-sized window: what a policy or a cookie breaks."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import ConsoleMessage, Page

from mailcore import Mailcore, SenderStatus, Settings
from mailcore.sandbox import GoogleSandbox
from tests.callback.browsing import served
from tests.support.authorise import ACCOUNT, come_back

pytestmark = pytest.mark.browser


@pytest.fixture
def page(window: Callable[..., Page]) -> Iterator[Page]:
    """A phone. A test fails if the browser complains, as it does of a blocked style."""
    complaints: list[str] = []
    phone = window(phone=True)

    def note(message: ConsoleMessage) -> None:
        complaints.append(message.text)

    phone.on("console", note)
    yield phone
    phone.remove_listener("console", note)
    assert [text for text in complaints if "Content Security Policy" in text] == []


@pytest.fixture
def serving(settings: Settings) -> Iterator[Mailcore]:
    with served(settings) as core:
        core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
        yield core


def allow(page: Page, account: str) -> None:
    """Consent on the stand-in's page."""
    page.get_by_label(account).check()
    page.get_by_role("button", name="Continue", exact=True).click()


def test_from_a_ticket_over_a_wrong_account_to_healthy(page: Page, serving: Mailcore) -> None:
    """Link, button, the wrong account, try again, the right one: healthy."""
    link = serving.tickets.issue("alerts", by="t").url
    assert link is not None

    page.goto(link)
    page.get_by_role("button", name="Continue to Google").click()
    allow(page, "billing@example.com")
    page.get_by_role("heading", name="That was a different account").wait_for()
    assert "?" not in page.url
    page.get_by_role("button", name="Try again with Google").click()
    allow(page, ACCOUNT)

    page.get_by_role("heading", name="alerts is healthy", exact=True).wait_for()
    assert "?" not in page.url
    assert page.get_by_role("link", name="senders page").get_attribute("href") == (
        f"{serving.settings.public_url}/"
    )
    assert serving.senders.get("alerts").status is SenderStatus.HEALTHY


def test_no_code_stays_in_the_history(page: Page, serving: Mailcore) -> None:
    """Going back leads to Google's page, not to the callback with its code."""
    page.goto(serving.authorizations.begin("alerts", by="t").url)
    allow(page, ACCOUNT)
    page.get_by_role("heading", name="alerts is healthy").wait_for()

    page.go_back()

    assert "code=" not in page.url
    assert "/senders/callback" not in page.url


def test_everything_by_keyboard(page: Page, serving: Mailcore) -> None:
    """The button is the first stop of the Tab key, and Enter presses it."""
    link = serving.tickets.issue("alerts", by="t").url
    assert link is not None
    page.goto(link)

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    page.get_by_role("button", name="Continue", exact=True).wait_for()


def test_long_names_fit_on_a_phone(page: Page, serving: Mailcore, google: GoogleSandbox) -> None:
    """Nothing has to be scrolled sideways, and buttons are large enough for a thumb."""
    alias, account = "a" * 63, f"{'b' * 60}@{'c' * 60}.example.com"
    google.add_account(account)
    serving.senders.register(alias, gmail_account=account, by="t")
    come_back(serving, google.consent(serving.authorizations.begin(alias, by="t").url))
    link = serving.tickets.issue(alias, by="t").url
    assert link is not None

    page.goto(link)

    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    button = page.get_by_role("button", name="Continue to Google").bounding_box()
    assert button is not None
    assert button["height"] >= 44

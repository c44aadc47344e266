"""The words that the admin page's tests share."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.admin_ui.admin_program import Served
from tests.support.authorise import authorise

ALERTS = "alerts@example.com"
BILLING = "billing@example.com"
REPORTS = "reports@example.com"


Authorise = Callable[[str, str], None]
Serve = Callable[..., Served]
Person = Callable[..., Page]


def row(page: Page, alias: str) -> Locator:
    """Return a sender's row of the list."""
    return page.locator(f".st-key-sender-{alias}")


def to_google(page: Page, alias: str) -> Page:
    """Click Re-auth in a sender's row, and return the tab that opens."""
    return follow(page, row(page, alias).get_by_role("link", name=f"Re-auth {alias}"))


def follow(page: Page, link: Locator) -> Page:
    """Click a link, and return the tab that it opens."""
    with page.expect_popup() as popup:
        link.click()
    return popup.value


def allow(google_tab: Page, account: str | None = None) -> None:
    """Consent on the stand-in's page, as the given account or the one it suggests."""
    if account:
        google_tab.get_by_label(account).check()
    google_tab.get_by_role("button", name="Continue").click()


def consent(core: Mailcore, google: GoogleSandbox, alias: str, account: str) -> None:
    """Go through a whole re-auth without any page."""
    authorise(core, google, alias, account)


def answer_of(url: str) -> dict[str, str | None]:
    """Return what Google's redirect carries back."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    return {name: query.get(name) for name in ("state", "code", "error")}

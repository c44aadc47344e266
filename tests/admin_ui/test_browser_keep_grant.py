"""Deleting a sender on the page, and keeping its grant for another program."""

import pytest
from playwright.sync_api import expect

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.admin_ui.admin_calling import ALERTS, Authorise, Person, row
from tests.admin_ui.admin_program import Served

pytestmark = pytest.mark.browser


def test_a_grant_is_kept_if_the_admin_says_so(
    served: Served, person: Person, core: Mailcore, google: GoogleSandbox, authorised: Authorise
) -> None:
    """The page says that it lives on, and Google is not asked to end it."""
    authorised("alerts", ALERTS)
    page = person(served.url)
    row(page, "alerts").get_by_role("button", name="Delete").click()
    page.get_by_label("Type alerts to confirm").fill("alerts")
    page.get_by_text("Keep its grant at Google").click()
    page.get_by_role("button", name="Delete permanently").click()
    expect(row(page, "alerts")).to_have_count(0)
    assert google.requests.revocations(ALERTS) == 0
    assert core.senders.events("alerts")[0].what == "grant kept"

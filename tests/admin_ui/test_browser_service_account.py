"""A sender that is given a service account, on its page."""

import pytest
from playwright.sync_api import FilePayload, expect

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.admin_ui.admin_calling import ALERTS, Person
from tests.admin_ui.admin_program import Served

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_a_key_is_uploaded_and_nobody_has_to_consent(
    served: Served, person: Person, core: Mailcore, google: GoogleSandbox, *, phone: bool
) -> None:
    """What the admin console lacks is said; then the sender is healthy, and has no Re-auth."""
    core.senders.register("alerts", gmail_account=ALERTS, by="ann")
    account = google.register_service_account()
    key = FilePayload(
        name="key.json", mimeType="application/json", buffer=account.key_json.encode()
    )
    page = person(f"{served.url}/sender?sender=alerts&tab=Edit", phone=phone)
    uploader = page.get_by_test_id("stFileUploader").filter(has_text="service account's key")
    uploader.locator("input[type=file]").set_input_files(key)
    page.get_by_role("button", name="Use this key").click()
    expect(page.get_by_text(account.client_id)).to_be_visible()
    expect(page.get_by_text("Domain-wide delegation")).to_be_visible()

    google.delegate(account)
    page.get_by_role("button", name="Use this key").click()
    expect(page.get_by_text("alerts now sends with this service account")).to_be_visible()
    expect(page.get_by_text("no expiry: service account")).to_be_visible()
    expect(page.get_by_role("link", name="Re-auth alerts")).to_have_count(0)
    page.get_by_role("tab", name="Overview").click()
    expect(page.get_by_text(f"Service account: {account.email}")).to_be_visible()
    expect(page.get_by_text("Expires: never")).to_be_visible()
    page.goto(f"{served.url}/")
    expect(page.get_by_text("no expiry: service account")).to_be_visible()
    expect(page.get_by_role("link", name="alerts", exact=True)).to_have_count(1)


def test_setup_has_the_guide(served: Served, person: Person) -> None:
    """With the scope to be entered in the Admin console."""
    page = person(f"{served.url}/setup")
    page.get_by_text("Senders that need no consent").click()
    expect(page.get_by_text("https://www.googleapis.com/auth/gmail.send")).to_be_visible()
    expect(page.get_by_role("link", name="Domain-wide delegation")).to_be_visible()

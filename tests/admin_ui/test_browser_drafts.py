"""The switch for sending drafts, on a sender's page."""

import re

import pytest
from playwright.sync_api import expect

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.admin_ui.admin_calling import ALERTS, Authorise, Person, consent
from tests.admin_ui.admin_program import Served

pytestmark = pytest.mark.browser


def test_it_is_switched_on_and_waits_for_the_next_re_auth(
    served: Served, person: Person, core: Mailcore, authorised: Authorise, google: GoogleSandbox
) -> None:
    """The page says from when on it counts."""
    authorised("alerts", ALERTS)
    page = person(f"{served.url}/sender?sender=alerts&tab=Edit")
    form = page.get_by_test_id("stForm").filter(has_text="Unknown outcomes")
    form.get_by_text("Send mail as drafts").click()
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    assert core.senders.get("alerts").use_drafts
    expect(form.get_by_text("Sends drafts from its next re-auth on.")).to_be_visible()
    page.goto(f"{served.url}/sender?sender=alerts")
    expect(page.get_by_text("Sends: drafts from its next re-auth on")).to_be_visible()
    consent(core, google, "alerts", ALERTS)
    page.reload()
    expect(page.get_by_text(re.compile("Sends: drafts$"))).to_be_visible()

"""A sender's fallback and further addresses, on its page."""

import pytest
from playwright.sync_api import expect

from mailcore import Mailcore
from tests.admin_ui.admin_calling import ALERTS, BILLING, Authorise, Person
from tests.admin_ui.admin_program import Served
from tests.support.driving import eventually

pytestmark = pytest.mark.browser


def test_they_are_set_and_shown(
    served: Served, person: Person, core: Mailcore, authorised: Authorise
) -> None:
    """On both senders' pages; and who does not exist is refused."""
    authorised("alerts", ALERTS)
    authorised("billing", BILLING)
    page = person(f"{served.url}/sender?sender=alerts&tab=Edit")
    form = page.get_by_test_id("stForm").filter(has_text="Fallback")
    form.get_by_label("Sender", exact=True).fill("nobody")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_text("There is no sender 'nobody'")).to_be_visible()
    form.get_by_label("Sender", exact=True).fill("billing")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    identity = page.get_by_test_id("stForm").filter(has_text="Identity")
    identity.get_by_role("textbox", name="Also sends as").fill("shop@example.com, help@example.com")
    identity.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    eventually(lambda: core.senders.get("alerts").send_as != ())
    sender = core.senders.get("alerts")
    assert (sender.fallback_alias, sender.fallback_after) == ("billing", 900)
    assert sender.send_as == ("help@example.com", "shop@example.com")

    page.goto(f"{served.url}/sender?sender=alerts")
    expect(page.get_by_text("Fallback: billing, after 15 min")).to_be_visible()
    page.goto(f"{served.url}/sender?sender=billing")
    expect(page.get_by_text("Fallback of: alerts")).to_be_visible()

"""The queue in a browser: what waits, why, and what a person does about it."""

import pytest
from playwright.sync_api import expect

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.admin_ui.admin_calling import ALERTS, Authorise, Person, row
from tests.admin_ui.admin_program import Served
from tests.support.authorise import authorise
from tests.support.queueing import queue
from tests.support.worker_process import working


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_a_re_auth_lets_it_go_before_ones_eyes(  # noqa: PLR0917 - pytest passes them by name
    served: Served,
    person: Person,
    core: Mailcore,
    google: GoogleSandbox,
    authorised: Authorise,
    phone: bool,
) -> None:
    """The row says how much waits and since when; after the re-auth it says nothing any more."""
    authorised("alerts", ALERTS)
    google.expire_grant(ALERTS)
    for number in range(3):
        queue(core, subject=f"Report {number}")
    page = person(served.url, phone=phone)
    with working(core):
        expect(row(page, "alerts")).to_contain_text("3 messages waiting")
        expect(row(page, "alerts")).to_contain_text("Expired")
        authorise(core, google)
        expect(row(page, "alerts")).not_to_contain_text("waiting")
    assert [mail.subject for mail in google.outbox] == [f"Report {number}" for number in range(3)]


def test_a_sender_is_paused_and_resumed(
    served: Served, person: Person, core: Mailcore, google: GoogleSandbox, authorised: Authorise
) -> None:
    """Its page says what waits and why, and the count goes down by itself once it is resumed."""
    authorised("alerts", ALERTS)
    page = person(f"{served.url}/sender?sender=alerts")
    with working(core):
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_text("Paused by admin just now")).to_be_visible()
        for number in range(2):
            queue(core, subject=f"Report {number}")
        panel = page.locator(".st-key-queue")
        expect(panel.get_by_text("2 messages waiting")).to_be_visible()
        panel.get_by_role("button", name="Resume").click()
        expect(panel.get_by_text("Nothing is waiting.")).to_be_visible()
    assert len(google.outbox) == 2


def test_many_are_cancelled_at_once(
    served: Served, person: Person, core: Mailcore, authorised: Authorise
) -> None:
    """It says how many it concerns, asks, and the list shows what became of them."""
    authorised("alerts", ALERTS)
    for subject in ("Report 1", "Alarm", "Report 2"):
        queue(core, subject=subject)
    page = person(f"{served.url}/deliveries?text=report")
    expect(page.get_by_text("Report 2")).to_be_visible()
    page.get_by_role("button", name="All that match").click()
    page.get_by_role("menuitem", name="Cancel …").click()
    page.get_by_role("button", name="Cancel 2 messages").click()
    expect(page.get_by_text("Cancelled 2 messages")).to_be_visible()
    assert core.deliveries.page(search="alarm").deliveries[0].status.value == "queued"
    assert core.queue.count("discard") == 1

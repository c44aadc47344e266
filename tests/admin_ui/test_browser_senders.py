"""The list of senders in a real browser: adding, deleting, and what others do meanwhile."""

import pytest
from playwright.sync_api import expect

from mailcore import Mailcore, OutcomeUnknown, SenderNotFound, SenderStatus
from mailcore.sandbox import GoogleSandbox, faults
from tests.admin_ui.admin_calling import ALERTS, BILLING, REPORTS, Authorise, Person, allow, row
from tests.admin_ui.admin_program import Served
from tests.support.driving import eventually

pytestmark = pytest.mark.browser


def test_the_first_visit_leads_to_setup_when_no_client_is_set_up(
    person: Person, serve_without_client: Served
) -> None:
    """Nothing can be authorised without an OAuth client, so that comes first."""
    page = person(serve_without_client.url)
    expect(page.get_by_role("heading", name="Setup", exact=True)).to_be_visible()
    expect(page.get_by_test_id("stCode").first).to_have_text(
        f"{serve_without_client.url}/senders/callback"
    )
    expect(page.get_by_text("1MB per file").first).to_be_visible()


def test_a_sender_is_added_and_led_to_its_consent(
    served: Served, person: Person, core: Mailcore
) -> None:
    """Alias and account, then straight on to Google, then healthy."""
    page = person(served.url)
    page.get_by_role("button", name="Add a sender").click()
    page.get_by_role("textbox", name="Alias").fill("reports")
    page.get_by_role("textbox", name="Gmail account").fill(REPORTS)
    page.get_by_role("button", name="Add and authorise").click()
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Continue to Google").click()
    allow(popup.value)
    expect(row(page, "reports")).to_contain_text("Authorised just now")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert core.senders.get("reports").status is SenderStatus.HEALTHY
    assert {event.who for event in core.senders.events("reports")} == {"admin"}


def test_a_wrong_alias_is_told_at_its_field(served: Served, person: Person) -> None:
    """The form stays open with what was typed, and says what is wrong."""
    page = person(served.url)
    page.get_by_role("button", name="Add a sender").click()
    page.get_by_role("textbox", name="Alias").fill("Not *An* Alias")
    page.get_by_role("textbox", name="Gmail account").fill(REPORTS)
    # A form takes Enter once its button, the last thing in it, has been drawn.
    expect(page.get_by_role("button", name="Add and authorise")).to_be_enabled()
    page.get_by_role("textbox", name="Gmail account").press("Enter")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("'Not *An* Alias'")
    expect(page.get_by_role("textbox", name="Gmail account")).to_have_value(REPORTS)


def test_deleting_asks_for_the_alias_to_be_typed(
    served: Served, person: Person, core: Mailcore, authorised: Authorise
) -> None:
    """A wrong word deletes nothing; the right one deletes for good."""
    authorised("alerts", ALERTS)
    page = person(served.url)
    row(page, "alerts").get_by_role("button", name="Delete").click()
    confirmation = page.get_by_label("Type alerts to confirm")
    confirmation.fill("alert")
    page.get_by_role("button", name="Delete permanently").click()
    expect(page.get_by_role("dialog")).to_contain_text("Nothing was deleted")
    assert core.senders.get("alerts")
    confirmation.fill("alerts")
    page.get_by_role("button", name="Delete permanently").dblclick()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(row(page, "alerts")).to_have_count(0)
    with pytest.raises(SenderNotFound):
        core.senders.get("alerts")


def test_two_admins_see_what_the_other_does(
    served: Served, person: Person, authorised: Authorise
) -> None:
    """What one deletes and adds, the other sees without reloading."""
    authorised("alerts", ALERTS)
    authorised("billing", BILLING)
    ann, bob = person(served.url), person(served.url)
    expect(row(bob, "alerts")).to_be_visible()
    row(ann, "alerts").get_by_role("button", name="Delete").click()
    row(bob, "alerts").get_by_role("button", name="Delete").click()
    for admin in (ann, bob):
        admin.get_by_label("Type alerts to confirm").fill("alerts")
    ann.get_by_role("button", name="Delete permanently").click()
    expect(row(ann, "alerts")).to_have_count(0)
    expect(row(bob, "alerts")).to_have_count(0)
    bob.get_by_role("button", name="Delete permanently").click()
    expect(bob.get_by_role("dialog")).to_contain_text("alerts")
    expect(bob.get_by_role("dialog").get_by_role("alert").last).to_be_visible()
    expect(row(bob, "billing")).to_be_visible()


def test_the_list_refreshes_without_losing_what_is_typed(
    served: Served, person: Person, core: Mailcore, authorised: Authorise
) -> None:
    """While somebody types into the search, a new sender appears and the text stays."""
    authorised("alerts", ALERTS)
    page = person(served.url)
    search = page.get_by_label("Search by alias, account or project")
    search.press_sequentially("example", delay=20)
    core.senders.register("late", gmail_account="late@example.com", by="test")
    expect(row(page, "late")).to_be_visible()
    expect(search).to_have_value("example")
    expect(search).to_be_focused()
    search.fill("nobody")
    expect(page.get_by_text("No senders match")).to_be_visible()


def test_a_total_filters_when_clicked(
    served: Served, person: Person, core: Mailcore, authorised: Authorise
) -> None:
    """Clicking Healthy leaves the healthy ones."""
    authorised("alerts", ALERTS)
    core.senders.register("new", gmail_account=BILLING, by="test")
    page = person(served.url)
    expect(row(page, "new")).to_be_visible()
    page.get_by_role("radio", name="Healthy 1").click()
    expect(row(page, "new")).to_have_count(0)
    expect(row(page, "alerts")).to_have_count(1)


def test_a_sender_has_a_page_of_its_own_and_back_returns(
    served: Served, person: Person, authorised: Authorise
) -> None:
    """The alias leads to the sender's page; the browser's Back to the list."""
    authorised("alerts", ALERTS)
    page = person(served.url)
    row(page, "alerts").get_by_role("link", name="alerts", exact=True).click()
    expect(page.get_by_role("heading", name="alerts")).to_be_visible()
    assert page.url.endswith("/sender?sender=alerts")
    page.get_by_role("button", name="Send test message").click()
    expect(page.get_by_text("Sent. Gmail ID")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="alerts")).to_be_visible()
    page.go_back()
    expect(row(page, "alerts")).to_be_visible()


def test_a_double_click_sends_one_test_mail(
    served: Served, person: Person, google: GoogleSandbox, authorised: Authorise
) -> None:
    """Who clicks twice gets one mail; who clicks again after it went gets another."""
    authorised("alerts", ALERTS)
    page = person(f"{served.url}/sender?sender=alerts")
    send = page.get_by_role("button", name="Send test message")
    with google.hold("send") as gate:
        send.dblclick()
        gate.wait_for_arrivals(1)
        # Somebody else's whole visit: by then the server has seen the second click.
        expect(row(person(served.url), "alerts")).to_be_visible()
        gate.release()
        expect(page.get_by_text("Sent. Gmail ID")).to_be_visible()
    assert len(google.outbox) == 1
    send.click()
    google.wait_for_outbox(2)


def test_every_title_stands_at_the_same_height(
    served: Served, person: Person, authorised: Authorise
) -> None:
    """Going from page to page, each comes to rest where the others do."""
    authorised("alerts", ALERTS)
    page = person(served.url)

    def place(title: str) -> tuple[float, float]:
        heading = page.get_by_role("heading", name=title, exact=True)
        expect(heading).to_be_visible()
        box = heading.bounding_box()
        assert box
        return box["x"], box["y"]

    expect(row(page, "alerts")).to_be_visible()
    first = place("Senders")
    for link, title in (("Deliveries", "Deliveries"), ("Setup", "Setup"), ("Senders", "Senders")):
        page.get_by_role("link", name=link).click()
        eventually(lambda title=title: place(title) == first)  # type: ignore[misc]
    row(page, "alerts").get_by_role("link", name="alerts", exact=True).click()
    eventually(lambda: place("alerts") == first)


def test_a_phone_shows_the_way_to_every_page(served: Served, person: Person) -> None:
    """Deliveries and Setup are there to be seen and tapped, behind no symbol."""
    page = person(served.url, phone=True)
    for name in ("Deliveries", "Setup", "Senders"):
        link = page.get_by_role("link", name=name)
        expect(link).to_be_in_viewport(ratio=1)
        link.tap()
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def test_mail_to_decide_leads_to_its_decision(
    served: Served, person: Person, core: Mailcore, google: GoogleSandbox, authorised: Authorise
) -> None:
    """From the sender's row to its mail of unknown outcome, and to the end of the question."""
    authorised("alerts", ALERTS)
    core.send_email("alerts", to="ops@example.com", subject="All is well", text="…")
    google.fail("send", faults.CLOSE_AFTER)
    with pytest.raises(OutcomeUnknown):
        core.send_email("alerts", to="ops@example.com", subject="Disk is full", text="…")
    page = person(served.url)
    row(page, "alerts").get_by_role("link", name="1 message with unknown outcome").click()
    expect(page.get_by_text("Disk is full")).to_be_visible()
    expect(page.get_by_text("All is well")).to_have_count(0)
    page.get_by_role("button", name="Decide").click()
    dialog = page.get_by_role("dialog")
    search = dialog.get_by_role("link", name="Search the Sent folder").get_attribute("href")
    assert search
    assert search.startswith("https://mail.google.com/mail/?authuser=alerts%40example.com#search/")
    assert "in%3Asent+subject%3A%22Disk+is+full%22" in search
    expect(dialog.locator("[data-testid$=-primary]")).to_have_count(0)
    for end in ("It arrived", "Send again", "Discard"):
        expect(dialog.get_by_role("button", name=end)).to_be_visible()
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text("No deliveries match")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_text("All is well")).to_be_visible()
    expect(page.get_by_role("button", name="Clear filters")).to_have_count(0)
    assert page.url == f"{served.url}/deliveries"
    page.get_by_role("link", name="Senders").click()
    expect(row(page, "alerts")).to_be_visible()
    expect(page.get_by_role("link", name="unknown outcome")).to_have_count(0)


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_long_names_break_nothing(
    served: Served, person: Person, core: Mailcore, *, phone: bool
) -> None:
    """The longest alias and address that can be registered stay inside the window."""
    alias = "a" * 63
    account = f"{'b' * 64}@{'c' * 63}.example.com"
    core.senders.register(alias, gmail_account=account, project="p" * 80, by="test")
    page = person(served.url, phone=phone)
    expect(row(page, alias)).to_be_visible()
    inside = page.evaluate(
        "Math.max(...[...document.querySelectorAll('[data-testid=stMain] *')]"
        ".map(each => each.getBoundingClientRect().right)) <= window.innerWidth + 1"
    )
    assert inside


def test_text_of_others_shows_as_it_is(
    served: Served, person: Person, core: Mailcore, authorised: Authorise
) -> None:
    """A subject makes no link, picture, emoji or colour, and can be read as it was written."""
    authorised("alerts", ALERTS)
    subject = "*a* _b_ [c](d) ![e](f) <b>g</b> :fire: :red[h] http://i.com www.j.com k@l.com `m`"
    core.send_email("alerts", to="ops@example.com", subject=subject, text="…")
    page = person(f"{served.url}/deliveries")
    entry = page.locator("[class*=st-key-delivery-]")
    expect(entry).to_contain_text("k@l.com")
    assert subject in entry.inner_text().replace("\u2060", "")
    assert entry.locator("a, img:not([alt$=icon]), em, code").count() == 0

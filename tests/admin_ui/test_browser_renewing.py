"""*Renew all due* with a limit, in a real browser: one evening for all grants of a project."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from mailcore import Mailcore, now
from mailcore.sandbox import GoogleSandbox
from tests.admin_ui.admin_calling import Authorise, Person, allow
from tests.admin_ui.admin_program import Served
from tests.support.driving import Tables

pytestmark = pytest.mark.browser

ALIASES = [f"s{number}" for number in range(7)]


@pytest.fixture
def week(core: Mailcore, google: GoogleSandbox, authorised: Authorise, tables: Tables) -> None:
    """Seven senders of a project whose grants end on seven days, and one of another project."""
    for number, alias in enumerate([*ALIASES, "other"]):
        account = f"{alias}@example.com"
        google.add_account(account)
        authorised(alias, account)
        project = "ops" if alias == "other" else "billing"
        core.senders.update(alias, project=project, by="test")
        tables(
            "UPDATE sender SET grant_expires_at = now() + %s WHERE alias = %s",
            timedelta(days=number % 7, hours=12),
            alias,
        )
    tables("UPDATE authorization_request SET consumed_at = consumed_at - interval '7 days'")


def choose(page: Page, label: str, value: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=value).click()


def end_of(core: Mailcore, alias: str) -> datetime:
    end = core.senders.get(alias).grant_expires_at
    assert end is not None
    return end


@pytest.mark.usefixtures("week")
def test_all_grants_of_a_project_end_together_after_one_walk(
    served: Served, person: Person, core: Mailcore
) -> None:
    """A project and a day are chosen, seven consents follow, one of them refused in between.

    The new grants end before the chosen day, too; still each sender comes once.
    """
    page = person(served.url)
    page.get_by_role("button", name=re.compile("Renew all due")).click()
    dialog = page.get_by_role("dialog")
    choose(page, "Project", "billing")
    expect(dialog).to_contain_text(re.compile(r"Due now: .*2"))
    page.get_by_text("Ends before a date").click()
    day = datetime.now(UTC) + timedelta(days=9)
    page.get_by_label("Ends before", exact=True).get_by_role("spinbutton").first.click()
    page.keyboard.type(day.strftime("%Y%m%d"))
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Renew 7 senders").click()

    with page.expect_popup() as popup:
        page.get_by_role("link", name="Continue to Google").click()
    popup.value.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Next sender").click()
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Continue to Google").click()
    tab = popup.value
    for done in range(1, 7):
        allow(tab)
        expect(dialog).to_contain_text(f"{done} of 7 renewed")
        tab.get_by_role("button", name=re.compile("Next: s")).click()
    expect(tab).to_have_url(re.compile("s0"))  # the one that was refused comes last
    allow(tab)
    expect(tab.get_by_text("All done")).to_be_visible()
    expect(dialog).to_contain_text("no sender is left to renew")

    ends = [end_of(core, alias) for alias in ALIASES]
    assert max(ends) - min(ends) < timedelta(hours=1)
    assert min(ends) > now() + timedelta(days=6)
    assert end_of(core, "other") < now() + timedelta(days=1)


def test_renewing_ahead_is_offered_while_nothing_is_due(
    served: Served, person: Person, authorised: Authorise
) -> None:
    """Before a holiday, all is well, and somebody renews what would end meanwhile."""
    authorised("alerts", "alerts@example.com")
    page = person(served.url, phone=True)
    page.get_by_role("button", name="Renew ahead").click()
    expect(page.get_by_role("button", name="Renew 1 sender")).to_be_in_viewport(ratio=1)
    page.get_by_text(re.compile("Ends within 3 days")).click()
    expect(page.get_by_role("dialog")).to_contain_text("No sender is expired")

"""What is done to all senders that match a filter, in one go."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from mailcore import Mailcore
from tests.admin_ui.admin_calling import Person, row
from tests.admin_ui.admin_program import Served

pytestmark = pytest.mark.browser


@pytest.fixture
def twelve(core: Mailcore) -> tuple[str, ...]:
    """Senders of one project, and one of another."""
    aliases = tuple(f"shop-{number}" for number in range(12))
    for alias in aliases:
        core.senders.register(
            alias, gmail_account=f"{alias}@example.com", project="shop", by="test"
        )
    core.senders.register("alerts", gmail_account="alerts@example.com", by="test")
    return aliases


def choose(page: Page, action: str) -> Locator:
    """Choose what is to be done to all that match, and return the dialog."""
    page.get_by_role("button", name="All that match").click()
    page.get_by_role("menuitem", name=action).click()
    return page.get_by_role("dialog")


def search(page: Page, text: str) -> None:
    page.get_by_label("Search by alias, account or project").fill(text)
    expect(row(page, "alerts")).to_have_count(0)


def test_all_that_match_are_paused(
    served: Served, person: Person, core: Mailcore, twelve: tuple[str, ...]
) -> None:
    """Twelve senders, one question; the thirteenth is left alone."""
    page = person(served.url)
    search(page, "shop")
    dialog = choose(page, "Pause")
    expect(dialog).to_contain_text("This affects 12 senders")
    dialog.get_by_role("button", name="Pause: 12").click()
    expect(page.get_by_text("Paused the queues of 12 senders")).to_be_visible()
    assert all(core.senders.get(alias).paused_at for alias in twelve)
    assert core.senders.get("alerts").paused_at is None


@pytest.mark.usefixtures("twelve")
def test_deleting_many_asks_for_their_number(
    served: Served, person: Person, core: Mailcore
) -> None:
    """A wrong number deletes nothing."""
    page = person(served.url)
    search(page, "shop")
    dialog = choose(page, "Delete")
    dialog.get_by_label("Type 12 to confirm").fill("13")
    dialog.get_by_role("button", name="Delete: 12").click()
    expect(dialog).to_contain_text("Nothing was changed")
    assert core.senders.page().totals.all == 13
    dialog.get_by_label("Type 12 to confirm").fill("12")
    dialog.get_by_role("button", name="Delete: 12").click()
    expect(page.get_by_text("Deleted 12 senders")).to_be_visible()
    assert [sender.alias for sender in core.senders.page().senders] == ["alerts"]


def test_each_owner_gets_a_link(
    served: Served, person: Person, core: Mailcore, twelve: tuple[str, ...], tmp_path: Path
) -> None:
    """One file with a link for each; a sender without an account is named, not skipped."""
    core.senders.register("shop-new", project="shop", by="test")
    page = person(served.url)
    search(page, "shop")
    dialog = choose(page, "Links for the owners")
    dialog.get_by_role("button", name="Links for the owners: 13").click()
    expect(dialog).to_contain_text("Created a link for 12 senders")
    expect(dialog.get_by_role("alert").filter(has_text="shop-new")).to_be_visible()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download the links").click()
    file = tmp_path / "links.csv"
    download.value.save_as(file)
    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    assert {each["sender"] for each in rows} == set(twelve)
    for each in rows:
        secret = each["link"].rpartition("/")[2]
        assert core.tickets.inspect(secret).alias == each["sender"]


@pytest.mark.usefixtures("twelve")
def test_those_that_match_are_downloaded(served: Served, person: Person, tmp_path: Path) -> None:
    """As CSV, and the filter holds."""
    page = person(served.url)
    search(page, "shop")
    dialog = choose(page, "Download as CSV")
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "senders.csv")
    text = (tmp_path / "senders.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == 12
    assert {row["project"] for row in rows} == {"shop"}

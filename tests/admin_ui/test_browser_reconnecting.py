"""The server is restarted, or away for a while: a quiet word, and then all is as it was."""

import pytest
from playwright.sync_api import expect

from mailcore import Mailcore
from tests.admin_ui.admin_calling import ALERTS, Authorise, Person, Serve, row

pytestmark = pytest.mark.browser


def test_a_restart_of_the_server_is_got_over(
    serve: Serve, person: Person, core: Mailcore, authorised: Authorise
) -> None:
    """Reconnecting…, then the same filter and search, without a click."""
    authorised("alerts", ALERTS)
    core.senders.register("new", by="test")
    core.senders.register("other", by="test")
    served = serve()
    page = person(served.url)
    page.get_by_role("radio", name="Pending 2").click()
    page.get_by_label("Search by alias, account or project").fill("new")
    expect(row(page, "other")).to_have_count(0)
    served.stop()
    expect(page.locator(".reconnecting")).to_have_count(1)
    expect(page.get_by_text("Is Streamlit still running?")).not_to_be_visible()
    expect(page.get_by_text("streamlit run")).not_to_be_visible()
    expect(row(page, "new")).to_be_visible()
    serve()
    expect(page.locator(".reconnecting")).to_have_count(0)
    expect(page.get_by_role("radio", name="Pending 2")).to_be_checked()
    expect(page.get_by_label("Search by alias, account or project")).to_have_value("new")
    expect(row(page, "new")).to_be_visible()
    expect(row(page, "other")).to_have_count(0)
    core.senders.register("newer", by="test")
    expect(row(page, "newer")).to_be_visible()


def test_a_login_that_ended_meanwhile_is_asked_for(
    serve: Serve, person: Person, authorised: Authorise
) -> None:
    """The page does not go on trying with a cookie that is no longer good."""
    authorised("alerts", ALERTS)
    served = serve()
    page = person(served.url)
    expect(row(page, "alerts")).to_be_visible()
    served.stop()
    expect(page.locator(".reconnecting")).to_have_count(1)
    page.context.clear_cookies()
    serve()
    expect(page.get_by_role("heading", name="You need the link to this page")).to_be_visible()


def test_a_laptop_that_slept_wakes_up_where_it_was(
    serve: Serve, person: Person, core: Mailcore, authorised: Authorise
) -> None:
    """The network is away, and comes back: so does what happened meanwhile."""
    authorised("alerts", ALERTS)
    core.senders.register("new", by="test")
    page = person(f"{serve().url}/?show=pending")
    expect(row(page, "new")).to_be_visible()
    page.wait_for_function("window.palEMailSession")  # it is drawn to its end
    page.context.set_offline(True)
    try:
        core.senders.register("newer", by="test")
    finally:
        page.context.set_offline(False)
    expect(row(page, "newer")).to_be_visible()
    expect(row(page, "alerts")).to_have_count(0)

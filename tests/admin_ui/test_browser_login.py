"""Logging in, in a real browser against the stand-in for Google."""

import pytest
from playwright.sync_api import Page, expect
from starlette.datastructures import URL

from admin_ui.navigation import page_of
from mailcore import Mailcore
from tests.admin_ui.admin_calling import (
    ALERTS,
    BILLING,
    REPORTS,
    Authorise,
    Person,
    Serve,
    allow,
    row,
)

pytestmark = pytest.mark.browser


def log_in(page: Page, account: str) -> None:
    page.get_by_role("button", name="Log in with Google").click()
    allow(page, account)


def test_an_admin_logs_in_and_is_named_in_the_audit_trail(
    serve: Serve, person: Person, core: Mailcore, authorised: Authorise
) -> None:
    """What was done is recorded under the login's address."""
    authorised("alerts", ALERTS)
    page = person(serve(PALEMAIL_ADMIN_EMAILS=f"{BILLING.upper()},someone@example.com").url)
    expect(page.get_by_role("button", name="Log in with Google")).to_be_visible()
    expect(row(page, "alerts")).to_have_count(0)
    log_in(page, BILLING)
    row(page, "alerts").get_by_role("button", name="Delete").click()
    page.get_by_label("Type alerts to confirm").fill("alerts")
    page.get_by_role("button", name="Delete permanently").click()
    expect(page.get_by_text("No senders yet")).to_be_visible()
    assert core.senders.events("alerts")[0].who == BILLING
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in with Google")).to_be_visible()


def test_somebody_not_on_the_list_sees_a_refusal_and_nothing_else(
    serve: Serve, person: Person, authorised: Authorise
) -> None:
    """On no page, whichever address is opened; they can try another account."""
    authorised("alerts", ALERTS)
    url = serve(PALEMAIL_ADMIN_EMAILS=BILLING).url
    page = person(url)
    for path in ("", "/setup", "/deliveries", "/sender?sender=alerts"):
        page.goto(url + path)
        log_in(page, REPORTS)
        expect(page.get_by_text(f"{REPORTS} is not on the list of admins")).to_be_visible()
        assert "Setup" not in page.content()
        assert ALERTS not in page.content()
        page.goto(url + path)
        expect(page.get_by_role("button", name="Log in with Google")).to_be_visible()
        assert ALERTS not in page.content()
    log_in(page, BILLING)
    expect(page.get_by_role("heading", name="alerts")).to_be_visible()


def test_a_login_leads_back_to_the_page_that_was_asked_for(
    serve: Serve, person: Person, authorised: Authorise
) -> None:
    """Who follows an alert's link gets to its sender, login or not."""
    authorised("alerts", ALERTS)
    url = serve(PALEMAIL_ADMIN_EMAILS=BILLING).url
    page = person(f"{url}/sender?sender=alerts")
    log_in(page, BILLING)
    expect(page.get_by_role("heading", name="alerts")).to_be_visible()
    assert page.url == f"{url}/sender?sender=alerts"
    page.get_by_role("link", name="Setup").click()
    expect(page.get_by_role("heading", name="Setup", exact=True)).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    log_in(page, BILLING)
    expect(page.get_by_role("heading", name="Setup", exact=True)).to_be_visible()


def test_a_login_leads_to_no_page_but_ours() -> None:
    """Whatever a stranger's link says."""
    here = "https://mail.example.com"
    assert page_of(URL(f"{here}/sender?sender=alerts")) == "/sender?sender=alerts"
    assert page_of(URL("/deliveries?text=a%20b")) == "/deliveries?text=a%20b"
    assert page_of(URL("//evil.example/setup")) == "/setup"
    for elsewhere in (
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/x",
        "",
        f"{here}//evil.example",
    ):
        assert page_of(URL(elsewhere)) == "/"
    assert "\n" not in page_of(URL("/setup?a=\r\nSet-Cookie: b=c"))


def test_a_proxys_header_names_the_admin(
    serve: Serve, person: Person, core: Mailcore, authorised: Authorise
) -> None:
    """With the header the page opens and records the name; without it nothing shows."""
    authorised("alerts", ALERTS)
    url = serve(PALEMAIL_TRUSTED_USER_HEADER="X-Email").url
    stranger = person(url)
    expect(stranger.get_by_text("did not say who you are")).to_be_visible()
    assert ALERTS not in stranger.content()
    ann = person("about:blank")
    ann.context.set_extra_http_headers({"X-Email": "ann@example.com"})
    ann.goto(url)
    row(ann, "alerts").get_by_role("button", name="More for alerts").click()
    ann.get_by_role("menuitem", name="Link for the mailbox owner").click()
    expect(ann.get_by_text("/senders/reauth/")).to_be_visible()
    assert core.senders.events("alerts")[0].who == "ann@example.com"

"""What the pages keep to themselves."""

import base64
import hashlib
import logging
import re

import httpx2
import pytest
from starlette.testclient import TestClient

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.callback.browsing import served
from tests.support.authorise import ACCOUNT


def addresses(core: Mailcore, google: GoogleSandbox) -> list[str]:
    """One address for each kind of page."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    begin = core.authorizations.begin
    done = google.consent(begin("alerts", by="t").url)
    cancelled = google.consent(begin("alerts", by="t").url, cancel=True)
    wrong = google.consent(begin("alerts", by="t").url, "billing@example.com")
    ticket = core.tickets.issue("alerts", by="t").url
    assert ticket is not None
    forged = "/senders/callback?state=forged-state&code=forged-code"
    return [done, done, cancelled, wrong, forged, ticket, f"{ticket}x"]


def test_every_page_is_locked_down(
    browser: TestClient, core: Mailcore, google: GoogleSandbox
) -> None:
    """No page is stored, framed, or named to the next site; none loads anything."""
    for address in addresses(core, google):
        answer = browser.get(address)
        for step in [*answer.history, answer]:
            assert step.headers["cache-control"] == "no-store"
            assert step.headers["referrer-policy"] == "no-referrer"
            assert step.headers["x-content-type-options"] == "nosniff"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert "unsafe" not in policy
        assert "<script" not in answer.text
        assert 'style="' not in answer.text


def test_the_policy_names_the_style_of_the_page(browser: TestClient) -> None:
    """Otherwise the browser would show it bare."""
    answer = browser.get("/senders/callback")
    style = re.search(r"<style>(.*)</style>", answer.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()

    assert f"style-src 'sha256-{digest}'" in answer.headers["content-security-policy"]


def test_no_secret_in_any_page_or_its_address(
    browser: TestClient, core: Mailcore, google: GoogleSandbox
) -> None:
    """Neither code, state nor token is on a page, nor in the address that it ends at."""
    for address in addresses(core, google):
        answer = browser.get(address)
        if "/reauth/" not in address and "forged" not in address:
            assert answer.url.query == b""
        for secret in google.secrets:
            assert secret not in answer.text
            assert secret not in str(answer.url)


def test_the_follow_up_travels_in_a_cookie_for_that_page_only(
    browser: TestClient, core: Mailcore, google: GoogleSandbox
) -> None:
    """Unreadable to scripts, and not sent to the admin page or another outcome's."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    back = google.consent(core.authorizations.begin("alerts", by="t").url, cancel=True)

    answer = browser.get(back, follow_redirects=False)

    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age=600" in cookie
    assert f"Path=/senders/{answer.headers['location']};" in cookie


def test_names_are_shown_as_they_are(browser: TestClient) -> None:
    """A state full of markup makes no markup."""
    answer = browser.get("/senders/callback", params={"state": "<b>x</b>", "error": "<i>y</i>"})

    assert "<b>x" not in answer.text
    assert "<i>y" not in answer.text


def test_the_access_log_keeps_no_secret(
    core: Mailcore, google: GoogleSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """Uvicorn logs every request; codes, states and tickets are not in it."""
    ticket = (addresses(core, google)[-2]).rpartition("/")[2]
    back = google.consent(core.authorizations.begin("alerts", by="t").url)
    query = back.partition("?")[2]

    with caplog.at_level(logging.INFO, "uvicorn.access"), served(core.settings) as serving:
        origin = serving.settings.public_url
        httpx2.get(f"{origin}/senders/callback?{query}", follow_redirects=True)
        httpx2.get(f"{origin}/senders/reauth/{ticket}")

    lines = [record.getMessage() for record in caplog.records if record.name == "uvicorn.access"]
    assert any("GET /senders/callback HTTP" in line for line in lines)
    assert any("GET /senders/reauth/" in line for line in lines)
    for secret in [*google.secrets, ticket]:
        assert not any(secret in line for line in lines)

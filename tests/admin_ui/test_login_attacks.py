"""With a login: forged cookies, sessions that have ended, and accounts that only look right."""

import hashlib
import hmac
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import urllib3
from itsdangerous import URLSafeTimedSerializer
from playwright.sync_api import expect

from admin_ui import changes
from mailcore import ConfigurationError, Mailcore, Settings
from mailcore.sandbox import GoogleSandbox
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
from tests.admin_ui.admin_program import Served
from tests.admin_ui.test_attacks import handshake, status
from tests.admin_ui.test_start_link import INSIDE, ask


class Browser:
    """Keeps cookies, and follows nothing by itself."""

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, url: str) -> urllib3.BaseHTTPResponse:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = ask(method, url, headers={"Cookie": cookies} if cookies else {})
        for cookie in answer.headers.getlist("Set-Cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer


def to_google(browser: Browser, served: Served, path: str = "/") -> str:
    """Press the login's button; return where that leads."""
    return str(browser.ask("POST", served.url + path).headers["Location"])


def log_in(browser: Browser, served: Served, google: GoogleSandbox, account: str) -> int:
    """Log in; return the last answer's status."""
    back = google.consent(to_google(browser, served), account=account)
    return browser.ask("GET", back).status


@pytest.fixture
def guarded(serve: Serve) -> Served:
    return serve(PALEMAIL_ADMIN_EMAILS=BILLING)


def test_before_the_login_there_is_a_login_and_nothing_else(
    guarded: Served, authorised: Authorise
) -> None:
    """No document of Streamlit's, no websocket, no upload; so nothing is kept for strangers."""
    authorised("alerts", ALERTS)
    for method, path in INSIDE:
        refused = ask(method, guarded.url + path)
        assert refused.status in {303, 403, 404}, (method, path)
        assert b"streamlit" not in refused.data.lower()
        assert ALERTS.encode() not in refused.data
    host = guarded.url.removeprefix("http://")
    assert status(handshake(guarded, f"Host: {host}", f"Origin: {guarded.url}")) == 403
    assert ask("GET", f"{guarded.url}/?token=x").status == 403


def test_the_start_link_is_no_way_around_the_login(guarded: Served, core: Mailcore) -> None:
    """Whoever had it before there was a list does not get in by it."""
    assert "token" not in guarded.announced
    assert ask("GET", core.page_secrets().link(guarded.url)).status == 403


def test_the_oauth_clients_secret_forges_no_login(guarded: Served, google: GoogleSandbox) -> None:
    """It is known to whoever may read the jobs' settings; cookies have a key of their own."""
    port = guarded.url.rpartition(":")[2]
    derived = hmac.digest(google.client_secret.encode(), b"pal-e-mail login", hashlib.sha256).hex()
    claims = {"email": BILLING, "email_verified": True, "is_logged_in": True, "origin": guarded.url}
    session = {"id": "x", "name": BILLING, "workspace": None}
    host = guarded.url.removeprefix("http://")
    for key in (derived, google.client_secret, ""):
        forged = {
            "_streamlit_user": URLSafeTimedSerializer(key, salt="_streamlit_user").dumps(claims),
            f"palemail-{port}": URLSafeTimedSerializer(key, salt="session").dumps(session),
        }
        cookie = "; ".join(f"{name}={value}" for name, value in forged.items())
        assert ask("GET", guarded.url, headers={"Cookie": cookie}).status == 403
        headers = (f"Host: {host}", f"Origin: {guarded.url}", f"Cookie: {cookie}")
        assert status(handshake(guarded, *headers)) == 403


def test_a_login_under_way_is_no_session(guarded: Served) -> None:
    """The cookies of both are signed with one key."""
    browser = Browser()
    to_google(browser, guarded)
    (value,) = browser.cookies.values()
    port = guarded.url.rpartition(":")[2]
    assert ask("GET", guarded.url, headers={"Cookie": f"palemail-{port}={value}"}).status == 403


def test_an_answer_is_for_the_browser_that_asked(guarded: Served, google: GoogleSandbox) -> None:
    """Nobody is logged in as somebody else by a link (login CSRF), nor twice by one answer."""
    attacker, victim = Browser(), Browser()
    back = google.consent(to_google(attacker, guarded), account=BILLING)
    assert victim.ask("GET", back).status == 403
    to_google(victim, guarded)
    assert victim.ask("GET", back).status == 403
    assert attacker.ask("GET", back).status == 303
    assert attacker.ask("GET", guarded.url).status == 200
    again = Browser()
    again.cookies = {name: value for name, value in attacker.cookies.items() if "login" in name}
    assert again.ask("GET", back).status == 403


def test_the_link_to_google_asks_for_no_mail(guarded: Served) -> None:
    """Showing who one is, with PKCE, and nothing more."""
    query = parse_qs(urlsplit(to_google(Browser(), guarded)).query)
    assert query["scope"] == ["openid email"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == [f"{guarded.url}/oauth2callback"]


def test_a_refusal_at_google_ends_in_a_way_to_try_again(guarded: Served) -> None:
    """Cancel, and a broken answer, too."""
    browser = Browser()
    state = parse_qs(urlsplit(to_google(browser, guarded)).query)["state"][0]
    for query in ({"state": state, "error": "access_denied"}, {"state": state, "code": "nonsense"}):
        refused = browser.ask("GET", f"{guarded.url}/oauth2callback?{urlencode(query)}")
        assert refused.status in {403, 502}
        assert b"Log in with Google" in refused.data


def test_only_accounts_of_the_workspace_where_one_is_set(
    serve: Serve, google: GoogleSandbox
) -> None:
    """An account that was made outside of it, with an address of its domain, is refused."""
    served = serve(PALEMAIL_ADMIN_EMAILS=BILLING, PALEMAIL_ADMIN_DOMAIN="Example.com")
    browser = Browser()
    assert log_in(browser, served, google, BILLING) == 403
    assert browser.ask("GET", served.url).status == 403
    google.workspaces.add("example.com")
    assert log_in(browser, served, google, REPORTS) == 403
    assert log_in(browser, served, google, BILLING) == 303
    assert browser.ask("GET", served.url).status == 200


def test_a_workspace_without_a_login_is_refused() -> None:
    """It would look like a protection."""
    for others in ({}, {"admin_emails": (BILLING,), "trusted_user_header": "X-Email"}):
        with pytest.raises(ConfigurationError, match="PALEMAIL_ADMIN_DOMAIN"):
            Settings(admin_domain="example.com", **others)


def test_a_list_that_no_longer_names_somebody_ends_their_session(
    serve: Serve, google: GoogleSandbox
) -> None:
    """The list is read at the start; their cookie is as good as none after that."""
    served = serve(PALEMAIL_ADMIN_EMAILS=f"{BILLING},{REPORTS}")
    browser = Browser()
    assert log_in(browser, served, google, BILLING) == 303
    served.stop()
    port = served.url.rpartition(":")[2]
    after = serve(PALEMAIL_ADMIN_EMAILS=REPORTS)
    cookie = browser.cookies[f"palemail-{port}"]
    there = f"palemail-{after.url.rpartition(':')[2]}={cookie}"
    assert ask("GET", after.url, headers={"Cookie": there}).status == 403
    host = after.url.removeprefix("http://")
    headers = (f"Host: {host}", f"Origin: {after.url}", f"Cookie: {there}")
    assert status(handshake(after, *headers)) == 403


@pytest.mark.browser
def test_logging_out_ends_every_tab_and_every_copy(
    serve: Serve, person: Person, core: Mailcore, authorised: Authorise
) -> None:
    """One that is open does nothing more; a stolen cookie is worth nothing, restart or not."""
    authorised("alerts", ALERTS)
    served = serve(PALEMAIL_ADMIN_EMAILS=BILLING)
    page = person(served.url)
    page.get_by_role("button", name="Log in with Google").click()
    allow(page, BILLING)
    expect(row(page, "alerts")).to_be_visible()
    # This tab is told of nothing, so that it still offers what it did; see the next test. The
    # other one's window is used again by other tests, which are told.
    untold = page.context.new_page()
    untold.route_web_socket(lambda url: changes.PATH in url, lambda _: None)
    untold.goto(served.url)
    row(untold, "alerts").get_by_role("button", name="Delete").click()
    untold.get_by_label("Type alerts to confirm").fill("alerts")
    stolen = {
        "Cookie": "; ".join(
            f"{cookie['name']}={cookie['value']}" for cookie in page.context.cookies()
        )
    }
    assert ask("GET", served.url, headers=stolen).status == 200

    page.bring_to_front()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in with Google")).to_be_visible()

    untold.bring_to_front()
    untold.get_by_role("button", name="Delete permanently").click()
    expect(untold.get_by_role("button", name="Log in with Google")).to_be_visible()
    assert core.senders.get("alerts").alias == "alerts"
    assert ask("GET", served.url, headers=stolen).status == 403
    served.stop()
    again = serve(PALEMAIL_ADMIN_EMAILS=BILLING)
    old, new = (each.url.rpartition(":")[2] for each in (served, again))
    moved = {"Cookie": stolen["Cookie"].replace(old, new)}
    assert ask("GET", again.url, headers=moved).status == 403


@pytest.mark.browser
def test_logging_out_ends_a_tab_that_nobody_touches(
    serve: Serve, person: Person, authorised: Authorise
) -> None:
    """What it shows goes by itself, and its session is told of no more changes."""
    authorised("alerts", ALERTS)
    served = serve(PALEMAIL_ADMIN_EMAILS=BILLING)
    page = person(served.url)
    page.get_by_role("button", name="Log in with Google").click()
    allow(page, BILLING)
    expect(row(page, "alerts")).to_be_visible()
    other = page.context.new_page()
    other.goto(f"{served.url}/setup")
    cookies = "; ".join(f"{each['name']}={each['value']}" for each in page.context.cookies())
    headers = (
        f"Host: {served.url.removeprefix('http://')}",
        f"Origin: {served.url}",
        f"Cookie: {cookies}",
    )
    assert status(handshake(served, *headers, path="/changes/x")) == 101

    other.get_by_role("button", name="Log out").click()

    expect(page.get_by_role("button", name="Log in with Google")).to_be_visible()
    expect(page.get_by_text("alerts")).to_have_count(0)
    assert status(handshake(served, *headers, path="/changes/x")) == 403

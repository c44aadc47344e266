"""Without a login: who has the link that was printed gets in, and nobody else on the machine."""

import http.cookies
import os
from urllib.parse import urlsplit

import psutil
import pytest
import urllib3
from playwright.sync_api import expect

from mailcore import Mailcore
from tests.admin_ui.admin_calling import ALERTS, BILLING, Authorise, Person, Serve, row, to_google
from tests.admin_ui.admin_program import Served
from tests.admin_ui.test_attacks import handshake, status
from tests.support.driving import Tables

#: What a page is made of, and all that may happen through it.
INSIDE = (
    ("GET", "/"),
    ("GET", "/deliveries"),
    ("GET", "/sender?sender=alerts"),
    ("GET", "/_stcore/host-config"),
    ("GET", "/_stcore/health"),
    ("GET", "/_stcore/metrics"),
    ("GET", "/media/0123456789.png"),
    ("GET", "/static/index.html"),
    ("GET", "/index.html"),
    ("GET", "//"),
    ("GET", "/senders/../"),
    ("HEAD", "/"),
    ("POST", "/"),
    ("PUT", "/_stcore/upload_file/a/b"),
    ("DELETE", "/_stcore/upload_file/a/b"),
    ("OPTIONS", "/_stcore/upload_file/a/b"),
)


def ask(method: str, url: str, **given: object) -> urllib3.BaseHTTPResponse:
    return urllib3.request(method, url, redirect=False, retries=False, timeout=20.0, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("query", ["", "?token=", "?token=x", "?token=%ff%00", "?token=a&token=b"])
def test_another_user_of_the_machine_gets_nothing(
    served: Served, authorised: Authorise, query: str
) -> None:
    """Every address refuses; the page says how to get in, and holds nothing else."""
    authorised("alerts", ALERTS)
    for method, path in INSIDE:
        refused = ask(method, served.url + path + ("" if "?" in path else query))
        assert refused.status in {403, 404}, (method, path)
        assert "Set-Cookie" not in refused.headers
        assert ALERTS.encode() not in refused.data
        assert b"streamlit" not in refused.data.lower()
    page = ask("GET", served.url + query)
    assert b"pal-e-mail open" in page.data
    assert b"<script" not in page.data
    assert served.link.partition("token=")[2].encode() not in page.data


def test_nor_a_websocket(served: Served) -> None:
    """With which Streamlit would run the page for them, or which tells that something happens."""
    host = served.url.removeprefix("http://")
    headers = (f"Host: {host}", f"Origin: {served.url}")
    paths = ("/_stcore/stream", "/changes/x")
    assert [status(handshake(served, *headers, path=path)) for path in paths] == [101, 101]
    served.__dict__["cookies"] = {}
    assert [status(handshake(served, *headers, path=path)) for path in paths] == [403, 403]


def test_the_link_becomes_a_cookie(served: Served) -> None:
    """Which scripts and other sites do not get, and which the address no longer tells."""
    answer = ask("GET", served.link)
    assert answer.status == 303
    assert answer.headers["Location"] == "/"
    assert answer.headers["Cache-Control"] == "no-store"
    cookie = http.cookies.SimpleCookie(answer.headers["Set-Cookie"])
    port = served.url.rpartition(":")[2]
    (name,) = cookie
    assert port in name
    assert cookie[name]["httponly"]
    assert cookie[name]["samesite"] == "lax"
    assert int(cookie[name]["max-age"]) == 90 * 24 * 3600
    there = ask("GET", served.link.replace("/?", "/sender?sender=alerts&"))
    assert there.headers["Location"] == "/sender?sender=alerts"
    assert ask("GET", served.url, headers=served.headers).status == 200


def test_a_cookie_cannot_be_made_up(served: Served) -> None:
    """Nor changed, nor taken from another program's port."""
    ((name, value),) = served.cookies.items()
    content, _, _ = value.partition(".")
    for forged in ("", "x", content, value[:-1], f"{value}x", value.swapcase(), f"{content}.a.b"):
        assert ask("GET", served.url, headers={"Cookie": f"{name}={forged}"}).status == 403
    other = {"Cookie": f"{name.replace('1', '2').replace('2', '3')}x={value}"}
    assert ask("GET", served.url, headers=other).status == 403


def test_another_deployments_link_and_cookie_are_worth_nothing(
    serve: Serve, empty_database_url: str, core: Mailcore
) -> None:
    """Each has a key of its own, made at random."""
    from mailcore import Settings  # noqa: PLC0415

    elsewhere = Mailcore(Settings(database_url=empty_database_url))
    elsewhere.migrate()
    theirs, ours = elsewhere.page_secrets(), core.page_secrets()
    elsewhere.close()
    assert theirs.signing_key != ours.signing_key
    assert theirs.start_token != ours.start_token
    served = serve()
    assert served.link == ours.link(served.url)
    assert ask("GET", theirs.link(served.url)).status == 403


def test_a_bookmark_works_after_a_restart(
    serve: Serve, environment: dict[str, str], started: list[Served]
) -> None:
    """Neither the cookie nor the link changes."""
    before = serve()
    cookies, link = before.headers, before.link
    before.stop()
    port = int(before.url.rpartition(":")[2])
    after = Served.start(port, {**os.environ, **environment, "PALEMAIL_PUBLIC_URL": before.url})
    started.append(after)
    assert after.link == link
    assert ask("GET", after.url, headers=cookies).status == 200


def test_a_new_key_ends_every_link_and_cookie(
    serve: Serve, environment: dict[str, str], started: list[Served], tables: Tables
) -> None:
    """As docs/security.md says for a link that has got into the wrong hands."""
    before = serve()
    cookies, link = before.headers, before.link
    before.stop()
    tables("UPDATE deployment SET page_key = NULL")
    port = int(before.url.rpartition(":")[2])
    after = Served.start(port, {**os.environ, **environment, "PALEMAIL_PUBLIC_URL": before.url})
    started.append(after)
    assert ask("GET", after.url, headers=cookies).status == 403
    assert ask("GET", link).status == 403
    assert ask("GET", after.link).status == 303


def test_what_has_secrets_of_its_own_needs_no_link(
    serve: Serve, core: Mailcore, authorised: Authorise
) -> None:
    """Google's answers, tickets, API keys and probes work for strangers as before."""
    authorised("alerts", ALERTS)
    key = "k" * 40
    served = serve(PALEMAIL_API_KEYS=f"ci:{key}")
    ticket = urlsplit(core.tickets.issue("alerts", by="test").url).path
    assert ask("GET", f"{served.url}{ticket!s}").status == 200
    assert b"link" in ask("GET", f"{served.url}/senders/callback?state=x&code=y").data
    assert ask("GET", f"{served.url}/senders").status == 401
    bearer = {"Authorization": f"Bearer {key}"}
    listed = ask("GET", f"{served.url}/senders", headers=bearer)
    assert listed.json()["total"] == 1
    assert ask("GET", f"{served.url}/metrics").status == 401
    # Prometheus asks a pod by its address.
    scraped = ask("GET", f"{served.url}/metrics", headers={**bearer, "Host": "10.0.0.7:8501"})
    assert scraped.status == 200
    for probe in ("/healthz", "/readyz", "/openapi.json"):
        assert ask("GET", served.url + probe).status == 200


def test_an_api_key_opens_no_page(serve: Serve) -> None:
    """It is for programs, with limits that the page does not know."""
    key = "k" * 40
    served = serve(PALEMAIL_API_KEYS=f"ci:{key}")
    for path in ("/", "/_stcore/host-config"):
        refused = ask("GET", served.url + path, headers={"Authorization": f"Bearer {key}"})
        assert refused.status == 403


def test_the_token_is_in_no_process_list(served: Served) -> None:
    """Every user of the machine reads that."""
    token = served.link.partition("token=")[2]
    seen = [" ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])]
    assert any("python" in line for line in seen)
    assert not [line for line in seen if token in line]


@pytest.mark.browser
def test_a_person_opens_the_link_and_works(
    served: Served, person: Person, authorised: Authorise
) -> None:
    """After that the plain address will do; a stranger reads how to get in."""
    authorised("alerts", ALERTS)
    page = person(served.url, stranger=True)
    expect(page.get_by_text("pal-e-mail open")).to_be_visible()
    page.goto(served.link)
    expect(row(page, "alerts")).to_be_visible()
    assert page.url == f"{served.url}/"
    page.goto(f"{served.url}/sender?sender=alerts")
    expect(page.get_by_role("heading", name="alerts")).to_be_visible()


@pytest.mark.browser
def test_a_re_auth_comes_back_into_an_open_page(
    served: Served, person: Person, authorised: Authorise
) -> None:
    """From Google's site, in a new tab, into the session that began it."""
    authorised("billing", BILLING)
    page = person(served.url)
    tab = to_google(page, "billing")
    tab.get_by_role("button", name="Continue").click()
    tab.get_by_role("link", name="senders page").click()
    expect(row(tab, "billing")).to_be_visible()

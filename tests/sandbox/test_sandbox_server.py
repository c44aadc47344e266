"""The sandbox as a server: its pages, its switches, its life."""

import json
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest
import urllib3

from mailcore.sandbox import GoogleSandbox, faults
from tests.sandbox.sandbox_calling import ANN, BOB, Caller, mail


def test_many_threads_at_once(caller: Caller) -> None:
    """Nothing is lost or counted twice under load."""
    token = caller.google.issue_grant(ANN)["access_token"]
    with ThreadPoolExecutor(32) as pool:
        statuses = list(pool.map(lambda _: caller.send(token).status, range(200)))
    assert set(statuses) == {200}
    assert len({sent.gmail_id for sent in caller.google.outbox}) == 200
    assert caller.google.requests.sends(ANN) == 200


def test_google_goes_down_and_comes_back(caller: Caller) -> None:
    """While it is down nobody can connect; afterwards everything is as before."""
    tokens = caller.google.issue_grant(ANN)
    url = caller.google.url
    caller.google.stop()
    with pytest.raises(urllib3.exceptions.HTTPError):
        caller.send(tokens["access_token"])
    caller.google.start()
    assert caller.google.url == url
    assert caller.send(tokens["access_token"]).status == 200
    assert caller.refresh(tokens["refresh_token"])[0] == 200


def test_no_connection_outlives_a_stop(caller: Caller) -> None:
    """Not one that is just being accepted: it would hang, or be warned of at the end."""
    url = urllib3.util.parse_url(caller.google.url)
    assert url.host is not None
    assert url.port is not None
    for _ in range(10):
        with ThreadPoolExecutor(16) as pool:
            ends = [pool.submit(_is_hung_up, url.host, url.port) for _ in range(100)]
            caller.google.stop()
            assert all(end.result() for end in ends)
        caller.google.start()


def _is_hung_up(host: str, port: int) -> bool:
    """Connect, and say whether the line ends, if it ever opens."""
    try:
        with socket.create_connection((host, port), timeout=20) as line:
            return line.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:  # refused, or reset
        return True


def test_starting_or_stopping_twice_does_no_harm() -> None:
    """A tidy-up that stops again is no error."""
    google = GoogleSandbox()
    google.stop()
    google.start()
    google.start()
    google.stop()
    google.stop()


def test_the_environment_names_the_sandbox(google: GoogleSandbox) -> None:
    """These variables alone put the sandbox in Google's place."""
    environment = google.environment
    assert environment["PALEMAIL_GMAIL_API_ENDPOINT"] == google.url + "/"
    assert environment["PALEMAIL_GOOGLE_AUTH_URI"].startswith(google.url)
    web = json.loads(google.credentials_json)["web"]
    assert web["client_secret"] == environment["GOOGLE_CLIENT_SECRET"]
    assert web["token_uri"] == environment["PALEMAIL_GOOGLE_TOKEN_URI"]


def test_the_outbox_page_shows_what_was_sent(caller: Caller) -> None:
    """A person sees the mail in a browser; its HTML and subject can do no harm."""
    token = caller.google.issue_grant(ANN)["access_token"]
    gmail_id = caller.send(token, mail("<script>1</script>")).json()["id"]
    listed = caller.request("GET", "/outbox").data.decode()
    assert "&lt;script&gt;" in listed
    assert "<script>" not in listed
    page = caller.request("GET", f"/outbox/{gmail_id}").data.decode()
    assert "It is." in page
    assert "<script>" not in page
    source = caller.request("GET", f"/outbox/{gmail_id}/raw")
    assert source.data == caller.google.outbox[0].raw
    assert source.headers["Content-Type"].startswith("text/plain")
    assert caller.request("GET", "/outbox/0").status == 404
    assert caller.request("GET", "/outbox/0/raw").status == 404


def test_the_switches_on_the_home_page(caller: Caller) -> None:
    """Each button does what it says, and leads back to the page."""
    google = caller.google
    tokens = google.issue_grant(ANN)

    def press(switch: str, **fields: str) -> None:
        answer = _press(caller, switch, **fields)
        assert (answer.status, answer.headers["Location"]) == (303, "/")

    home = caller.request("GET", "/").data.decode()
    assert ANN in home
    assert "active until" in home
    press("expire-access-tokens", account=ANN)
    assert caller.send(tokens["access_token"]).status == 401
    press("fail", operation="token", fault="503_html", times="", account="")
    assert "503_html (always)" in caller.request("GET", "/").data.decode()
    press("heal")
    assert caller.refresh(tokens["refresh_token"])[0] == 200
    press("expire-grant", account=ANN)
    assert "expired" in caller.request("GET", "/").data.decode()
    assert caller.refresh(tokens["refresh_token"])[0] == 400
    caller.send(google.issue_grant(BOB)["access_token"])
    press("revoke-grant", account=BOB)
    assert "revoked" in caller.request("GET", "/").data.decode()


@pytest.mark.parametrize("fault", faults.catalogue())
def test_every_fault_can_be_switched_on_by_its_name(caller: Caller, fault: str) -> None:
    """A program in any language can arrange what a Python test can."""
    answer = _press(caller, "fail", operation="send", fault=fault, times="", account=BOB)
    assert answer.status == 303
    assert fault in caller.request("GET", "/").data.decode()


@pytest.mark.parametrize(
    ("switch", "fields", "status"),
    [
        ("fail", {"operation": "send", "fault": "no-such"}, 400),
        ("fail", {"operation": "read", "fault": "forbidden"}, 400),
        ("fail", {"operation": "send", "fault": "forbidden", "times": "x"}, 400),
        ("revoke-grant", {}, 400),
        ("revoke-grant", {"account": "carl@example.com"}, 400),
        ("no-such", {}, 404),
    ],
)
def test_a_wrong_switch_says_so(
    caller: Caller, switch: str, fields: dict[str, str], status: int
) -> None:
    """A misspelt switch is an error, not a silent nothing."""
    assert _press(caller, switch, **fields).status == status


def _press(caller: Caller, name: str, **fields: str) -> urllib3.BaseHTTPResponse:
    return caller.request(
        "POST",
        f"/sandbox/{name}",
        body=urlencode(fields),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )


def test_no_secret_reaches_a_log_a_page_or_a_repr(
    caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    """All the way through, what must stay secret is seen nowhere but in the protocol."""
    caplog.set_level(logging.INFO)
    google = caller.google
    _, tokens = caller.exchange(caller.code())
    caller.refresh(tokens["refresh_token"])
    caller.send(tokens["access_token"])
    google.fail("send", faults.CLOSE_AFTER)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        caller.send(tokens["access_token"])
    pages = [caller.request("GET", path).data.decode() for path in ("/", "/outbox")]
    seen = [caplog.text, *pages, repr(google), repr(google.client), repr(google.outbox)]
    known = google.secrets
    assert {tokens["access_token"], tokens["refresh_token"], google.client_secret} <= known
    assert "a-state" in known
    assert not [secret for secret in known for text in seen if secret in text]


def test_the_sandbox_leaves_the_loggers_alone() -> None:
    """The web server of the program under test logs as it did before."""
    loggers = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "uvicorn.access")]
    before = [(each.level, each.propagate, list(each.handlers)) for each in loggers]
    with GoogleSandbox():
        pass
    assert before == [(each.level, each.propagate, list(each.handlers)) for each in loggers]

"""Starting and stopping the page as a program."""

import os
import signal

import pytest
import urllib3
from playwright.sync_api import expect

from mailcore.sandbox import GoogleSandbox
from tests.admin_ui.admin_calling import ALERTS, Authorise, Person, Serve, allow, row, to_google
from tests.admin_ui.admin_program import Served


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(served: Served, number: signal.Signals) -> None:
    """Control returns to the caller, who can stop the database and say goodbye."""
    printed = served.stop(number)
    assert printed.splitlines()[-1] == "stopped cleanly"
    assert served.process.wait(1) == 0


def test_it_says_where_it_is_in_one_line(served: Served) -> None:
    """One line with the link that people open, and nothing of Streamlit's."""
    address, _, token = served.link.partition("/?token=")
    assert address == served.url
    assert len(token) >= 43  # 256 bits
    assert served.announced == f"pal-e-mail is at {served.link} (stop with Ctrl-C)\n"
    assert served.stop() == "stopped cleanly\n"


def test_a_port_that_is_taken_is_told(served: Served, environment: dict[str, str]) -> None:
    """The second start names the address and the way out."""
    port = int(served.url.rpartition(":")[2])
    second = Served.start(port, {**os.environ, **environment})
    assert f"Cannot listen on 127.0.0.1:{port}" in second.output.read()
    second.stop()
    assert second.process.wait(1) != 0


def test_an_address_that_is_no_page_is_not_found(served: Served) -> None:
    """A probe or a program that asks for what is not there is not told that all is well."""
    expected = {
        "/": 200,
        "/deliveries": 200,
        "/sender?sender=alerts": 200,
        "/_stcore/health": 200,
        "/healthz": 200,
        "/senders/reauth/nonsense": 400,
        "/metrics": 403,
        "/api/x": 404,
        "/sender/alerts": 404,
    }
    answers = {
        path: urllib3.request(
            "GET", served.url + path, headers={**served.headers, "Accept": "text/html"}
        )
        for path in expected
    }
    assert {path: answer.status for path, answer in answers.items()} == expected
    assert "There is no page at this address" in answers["/sender/alerts"].data.decode()


@pytest.mark.browser
def test_a_whole_visit_leaks_nothing(
    serve: Serve, person: Person, google: GoogleSandbox, authorised: Authorise
) -> None:
    """No code, state or token is printed; and the browser talks to nobody but us."""
    authorised("alerts", ALERTS)
    served = serve()
    page = person("about:blank")
    hosts: set[str] = set()
    page.context.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.goto(served.url)
    allow(to_google(page, "alerts"))
    expect(row(page, "alerts")).to_contain_text("Re-authorised just now")
    page.context.close()
    ours = {served.url.removeprefix("http://"), google.url.removeprefix("http://")}
    assert hosts <= ours
    printed = served.stop()
    assert "state=" not in printed
    assert not [secret for secret in google.secrets if secret in printed]

"""The admin page as a program of its own, and people with browsers in front of it."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.admin_ui.admin_calling import Authorise, Person, Serve, consent
from tests.admin_ui.admin_program import Served
from tests.support.ports import free_port, is_free


@pytest.fixture(autouse=True)
def main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back the process's main module: `AppTest` puts the page in its place for good."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def started() -> Iterator[list[Served]]:
    """The programs of this test; each is ended with it."""
    running: list[Served] = []
    yield running
    for served in running:
        if not served.output.closed:
            served.stop()


@pytest.fixture(scope="session")
def usual_port() -> int:
    """The port of most programs: what a browser has compiled is for one address only."""
    return free_port()


@pytest.fixture
def serve(environment: dict[str, str], started: list[Served], usual_port: int) -> Serve:
    """Start the admin page with further settings."""

    def start(directory: Path | None = None, **settings: str) -> Served:
        port = usual_port if is_free(usual_port) else free_port()
        public = {"PALEMAIL_PUBLIC_URL": f"http://localhost:{port}"}
        variables = {**os.environ, **public, **environment, **settings}
        served = Served.start(port, variables, directory=directory)
        started.append(served)
        assert served.announced.startswith("pal-e-mail is at "), served.announced + served.stop()
        return served

    return start


@pytest.fixture
def served(serve: Serve) -> Served:
    """The admin page as `pal-e-mail up` shows it on loopback."""
    return serve()


@pytest.fixture
def serve_without_client(serve: Serve) -> Served:
    """A fresh installation: no OAuth client anywhere."""
    return serve(GOOGLE_CLIENT_ID="", GOOGLE_CLIENT_SECRET="")


@pytest.fixture
def person(window: Callable[..., Page], started: list[Served]) -> Person:
    """Seat people, each in front of a browser of their own, at an address.

    They have opened the link of every program, unless they are strangers.
    """

    def sit_down(url: str, *, phone: bool = False, stranger: bool = False) -> Page:
        page = window(phone=phone)
        for served in [] if stranger else started:
            for name, value in served.cookies.items():
                page.context.add_cookies([{"name": name, "value": value, "url": served.url}])
        page.goto(url)
        return page

    return sit_down


@pytest.fixture
def authorised(core: Mailcore, google: GoogleSandbox) -> Authorise:
    """Register a sender and consent for it, as somebody did long ago."""

    def authorise(alias: str, account: str) -> None:
        core.senders.register(alias, gmail_account=account, by="test")
        consent(core, google, alias, account)

    return authorise

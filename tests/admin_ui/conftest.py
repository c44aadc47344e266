"""The admin page as a program of its own, and people with browsers in front of it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.admin_ui.admin_calling import Authorise, Person, Serve, Served, consent, free_port

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: What a browser waits for, in milliseconds: machines under load are slow.
PATIENCE = 20_000
PHONE = ViewportSize(width=390, height=844)
DESKTOP = ViewportSize(width=1280, height=900)

PROGRAM = """
import sys
from admin_ui.app import serve
from mailcore import Mailcore

core = Mailcore()
serve(core, host=sys.argv[1], port=int(sys.argv[2]), no_login="--no-login" in sys.argv)
core.close()
print("stopped cleanly", flush=True)
"""


@pytest.fixture
def serve(environment: dict[str, str]) -> Iterator[Serve]:
    """Start the admin page with further settings; each is ended with the test."""
    started: list[Served] = []

    def start(*arguments: str, **settings: str) -> Served:
        port = free_port()
        url = f"http://localhost:{port}"
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "127.0.0.1", str(port), *arguments],
            env={**os.environ, "PALEMAIL_PUBLIC_URL": url, **environment, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        announced = process.stdout.readline()
        served = Served(url, announced, process)
        started.append(served)
        assert announced.startswith("pal-e-mail is at "), announced + process.stdout.read()
        return served

    yield start
    for served in started:
        if served.process.poll() is None:
            served.stop()


@pytest.fixture
def served(serve: Serve) -> Served:
    """The admin page as `pal-e-mail up` shows it on loopback."""
    return serve()


@pytest.fixture
def serve_without_client(serve: Serve) -> Served:
    """A fresh installation: no OAuth client anywhere."""
    return serve(GOOGLE_CLIENT_ID="", GOOGLE_CLIENT_SECRET="")


# By module: two Playwrights at once, or one beside asyncio.run, do not work in one process.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        if os.environ.get("CI"):
            pytest.fail(f"There is no Chromium at {CHROMIUM}, and CI must not skip these.")
        pytest.skip(f"no Chromium at {CHROMIUM}: install Debian's package chromium")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def person(browser: Browser) -> Iterator[Person]:
    """Seat people, each in front of a browser of their own, at an address."""
    contexts = []

    def sit_down(url: str, *, phone: bool = False) -> Page:
        context = browser.new_context(
            viewport=PHONE if phone else DESKTOP, is_mobile=phone, has_touch=phone
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.goto(url)
        return page

    yield sit_down
    for context in contexts:
        context.close()


@pytest.fixture
def authorised(core: Mailcore, google: GoogleSandbox) -> Authorise:
    """Register a sender and consent for it, as somebody did long ago."""

    def authorise(alias: str, account: str) -> None:
        core.senders.register(alias, gmail_account=account, by="test")
        consent(core, google, alias, account)

    return authorise

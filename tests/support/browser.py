"""The Chromium that browser tests drive: one for all of them, whose windows are used again."""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

#: What a browser waits for, in milliseconds: machines under load are slow.
PATIENCE = 20_000

_COMMANDS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


_PHONE = ViewportSize(width=390, height=844)
_DESKTOP = ViewportSize(width=1280, height=900)


class Windows:
    """The windows of one browser, each with cookies and storage of its own.

    Opening one, and compiling Streamlit's scripts in it, takes Chromium longer than most tests.
    So a window goes on to the next test, empty, in place of a new one.
    """

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self._idle: dict[bool, list[Page]] = {True: [], False: []}

    @contextmanager
    def lent(self) -> Iterator[Callable[..., Page]]:
        """Yield what hands out windows, and take them back at the end."""
        taken: list[tuple[bool, Page]] = []

        def take(*, phone: bool = False) -> Page:
            page = self._idle[phone].pop() if self._idle[phone] else self._open(phone=phone)
            taken.append((phone, page))
            return page

        try:
            yield take
        finally:
            for phone, page in taken:
                if page.is_closed():
                    page.context.close()
                else:
                    _empty(page)
                    self._idle[phone].append(page)

    def _open(self, *, phone: bool) -> Page:
        context = self.browser.new_context(
            viewport=_PHONE if phone else _DESKTOP, is_mobile=phone, has_touch=phone
        )
        context.set_default_timeout(PATIENCE)
        return context.new_page()


def _empty(page: Page) -> None:
    for other in page.context.pages:
        if other != page:
            other.close()
    left = page.url
    page.goto("about:blank")
    if left.startswith("http"):
        origin = "/".join(left.split("/")[:3])
        devtools = page.context.new_cdp_session(page)
        devtools.send(
            "Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "local_storage"}
        )
        devtools.detach()
    page.context.clear_cookies()
    page.context.set_extra_http_headers({})


class Launched:
    """A browser, between the tests that drive it.

    Playwright's event loop counts as running in this thread for as long as it is there, and
    `asyncio.run` refuses to work beside it. So it is put aside where no test needs it.
    """

    def __init__(self, browser: Browser) -> None:
        self.windows = Windows(browser)
        self._loop = asyncio.get_running_loop()
        self.put_aside()

    @contextmanager
    def driven(self) -> Iterator[Windows]:
        """Let the block drive it."""
        self.take_up()
        try:
            yield self.windows
        finally:
            self.put_aside()

    def take_up(self) -> None:
        """Let this thread drive it."""
        asyncio._set_running_loop(self._loop)

    def put_aside(self) -> None:
        """Leave the thread to others."""
        asyncio._set_running_loop(None)


@contextmanager
def launched() -> Iterator[Launched]:
    """Run a browser; the test is skipped where there is none, and fails where CI is set."""
    path = os.environ.get("PALEMAIL_TEST_CHROMIUM") or _installed()
    if path is None:
        missing = "There is no Chromium. Install it, or name one in PALEMAIL_TEST_CHROMIUM."
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        browser = Launched(chromium)
        try:
            yield browser
        finally:
            browser.take_up()  # also for Playwright's own end
            chromium.close()


def _installed() -> str | None:
    return next(filter(None, map(shutil.which, _COMMANDS)), None)

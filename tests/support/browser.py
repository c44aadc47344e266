"""The Chromium that browser tests drive."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

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


@contextmanager
def launched() -> Iterator[Browser]:
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
        yield chromium
        chromium.close()


def _installed() -> str | None:
    return next(filter(None, map(shutil.which, _COMMANDS)), None)

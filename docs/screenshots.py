"""Retake the screenshots in docs/images, by walking through the demo as an admin would.

Run by ``make screenshots``. Look at the pictures before committing them.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).with_name("images")
COMMAND = Path(sys.executable).with_name("pal-e-mail")
SIZES = {1440: 900, 390: 844}
PORT = "8577"


def main() -> None:
    """Take every picture, in both sizes, light and dark."""
    chromium = os.environ.get("PALEMAIL_TEST_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-background-networking"]
        )
        for scheme in ("light", "dark"):
            for width in SIZES:
                with demo() as link:
                    walk(browser, link, width, scheme)
        browser.close()


@contextmanager
def demo() -> Iterator[str]:
    """Run the demo, and yield the link to the page."""
    with tempfile.TemporaryDirectory() as directory:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [COMMAND, "demo", "--port", PORT],
            env={**os.environ, "PALEMAIL_DATA_DIR": directory},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None  # noqa: S101 - asked for above
            for line in process.stdout:
                if found := re.match(r"pal-e-mail is at (\S+)", line):
                    yield found[1]
                    break
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


def walk(browser: Browser, link: str, width: int, scheme: str) -> None:
    """Go from the list through a re-auth to the other pages, taking pictures on the way."""
    context = browser.new_context(
        viewport={"width": width, "height": SIZES[width]},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(link)
    page.get_by_text("Needs attention").wait_for()
    take(page, f"senders-{scheme}-{width}")

    with context.expect_page() as opened:
        page.get_by_role("link", name="Re-auth alerts").click()
    consent = opened.value
    page.get_by_text("Waiting for Google").wait_for()
    take(page, f"reauth-{scheme}-{width}")
    consent.get_by_role("button", name="Continue").click()
    consent.wait_for_load_state()
    take(consent, f"callback-{scheme}-{width}")
    page.get_by_text("Re-authorised just now").wait_for()
    take(page, f"reauth-done-{scheme}-{width}")

    for name, path, shown in (
        ("sender", "/sender?sender=newsletter", "newsletter@example.com"),
        ("deliveries", "/deliveries", "Deliveries"),
        ("setup", "/setup", "Redirect URI"),
    ):
        page.goto(f"http://localhost:{PORT}{path}")
        page.get_by_text(shown).first.wait_for()
        take(page, f"{name}-{scheme}-{width}")
    context.close()


def take(page: Page, name: str) -> None:
    """Write a picture once nothing moves any more."""
    page.wait_for_timeout(1500)
    page.screenshot(path=IMAGES / f"{name}.png", animations="disabled")


if __name__ == "__main__":
    main()

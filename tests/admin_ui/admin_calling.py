"""A running admin page, and the words that its tests share."""

import signal
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox

ALERTS = "alerts@example.com"
BILLING = "billing@example.com"
REPORTS = "reports@example.com"


@dataclass
class Served:
    """A running admin page.

    Attributes:
        url: where it is, without a slash at the end.
        announced: the line that it printed when it listened.
    """

    url: str
    announced: str
    process: subprocess.Popen[str]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> str:
        """Ask it to stop, and return what it printed since it listened."""
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=30)
        return out


Authorise = Callable[[str, str], None]
Serve = Callable[..., Served]
Person = Callable[..., Page]


def row(page: Page, alias: str) -> Locator:
    """Return a sender's row of the list."""
    return page.locator(f".st-key-sender-{alias}")


def consent(core: Mailcore, google: GoogleSandbox, alias: str, account: str) -> None:
    """Go through a whole re-auth without any page."""
    begun = core.authorizations.begin(alias, by="test")
    core.authorizations.complete(**answer_of(google.consent(begun.url, account)))


def answer_of(url: str) -> dict[str, str | None]:
    """Return what Google's redirect carries back."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    return {name: query.get(name) for name in ("state", "code", "error")}


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port

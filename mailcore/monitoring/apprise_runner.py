"""Calling a channel through Apprise; see `monitoring.apprise_process`."""

import json
import os
import subprocess
import sys

from mailcore.monitoring.digest import Message
from mailcore.settings import SETTING_EXAMPLES

#: Seconds that a channel may take; less than the lease of a notice.
TIMEOUT = 60.0


def notify(url: str, message: Message) -> str | None:
    """Send a message to a channel.

    Args:
        url: the channel's, as Apprise documents it for each service.
        message: what to send.

    Returns:
        Why the channel did not take it, without any part of the URL; None if it did.
    """
    asked = {"url": url, "title": message.title, "text": message.text, "html": message.html}
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "mailcore.monitoring.apprise_process"],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
            env=_environment(),
        )
    except subprocess.TimeoutExpired:
        return f"It did not answer within {TIMEOUT:g} seconds."
    if ran.returncode:
        if "No module named 'apprise'" in ran.stderr:
            return "Apprise is not installed. Run: pip install 'pal-e-mail[worker]'"
        return f"Apprise failed: {ran.stderr.strip().rpartition(chr(10))[2].partition(':')[0]}"
    error = json.loads(ran.stdout)["error"]
    return None if error is None else str(error)


def _environment() -> dict[str, str]:
    """Return the environment without our settings: third-party plugins need none of them."""
    return {name: value for name, value in os.environ.items() if name not in SETTING_EXAMPLES}

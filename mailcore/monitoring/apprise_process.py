"""Calls one channel through Apprise, in a process of its own.

Apprise costs a second and 60 MB to load, and its plugins run for as long as their servers let
them: as a process, it ends, and costs nothing while there is nothing to tell. It reads the
message from standard input, as JSON, so that no URL shows in a list of processes.
"""

import io
import json
import logging
import re
import sys

#: Parts of a URL that are at least this long are kept out of what is shown.
_SECRET = 4


def main() -> None:
    """Read a message, call its channel, and write why it was not taken, as JSON."""
    asked = json.load(sys.stdin)
    json.dump({"error": _notify(**asked)}, sys.stdout)


def _notify(url: str, title: str, text: str, html: str) -> str | None:
    import apprise  # noqa: PLC0415 - only this process loads it

    said = io.StringIO()
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.addHandler(logging.StreamHandler(said))
    logger.setLevel(logging.WARNING)
    service = apprise.Apprise.instantiate(url)
    if service is None:
        return "Apprise does not know this kind of URL, or it is incomplete."
    formats = service.notify_format
    preferred = formats[0] if isinstance(formats, tuple) else formats
    as_html = preferred == apprise.NotifyFormat.HTML
    taken = service.notify(
        body=html if as_html else text,
        title=title,
        body_format=apprise.NotifyFormat.HTML if as_html else apprise.NotifyFormat.TEXT,
    )
    return None if taken else _without_secrets(said.getvalue(), url) or "The service refused it."


def _without_secrets(said: str, url: str) -> str:
    """Return what Apprise has logged, on one line and without any part of the URL."""
    line = " ".join(said.split())
    parts = {part for part in re.split(r"[^\w.~-]+", url.partition("://")[2]) if part}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _SECRET:
            line = line.replace(part, "…")
    return line[:300]


if __name__ == "__main__":
    main()

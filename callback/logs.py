"""Keep codes, states and tickets out of uvicorn's access log."""

import logging
import re

_TICKET = re.compile(r"(?<=/senders/reauth/)[^/]+")
#: Where uvicorn puts the path among a line's arguments: client, method, path, version, status.
_PATH = 2


class RedactPath(logging.Filter):
    """Takes the query and a ticket out of the path that a line names."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; let every one pass."""
        if isinstance(record.args, tuple) and len(record.args) > _PATH:
            arguments = list(record.args)
            arguments[_PATH] = redacted(str(arguments[_PATH]))
            record.args = tuple(arguments)
        return True


def redacted(path: str) -> str:
    """Return a path without its query, and without the ticket that it carries."""
    return _TICKET.sub("…", path.partition("?")[0])


def redact_access_log() -> None:
    """Install the filter, once a process."""
    access_log = logging.getLogger("uvicorn.access")
    if not any(isinstance(present, RedactPath) for present in access_log.filters):
        access_log.addFilter(RedactPath())

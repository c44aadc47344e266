"""Queueing ordinary mail, as one call."""

from typing import Any

from mailcore import Mailcore, Queued

MAIL: Any = {"to": "ops@example.com", "subject": "Disk is full", "text": "94 % of /var are used."}


def queue(core: Mailcore, alias: str = "alerts", **changes: Any) -> Queued:
    """Queue an ordinary mail, with some arguments changed."""
    return core.queue_email(alias, **{**MAIL, **changes})

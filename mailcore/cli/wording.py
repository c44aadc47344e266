"""Senders and their mail in a few words."""

from datetime import timedelta

from mailcore.clock import now
from mailcore.status import SenderStatus
from mailcore.values.senders import Sender


def status(sender: Sender) -> str:
    """Return the state, or *expiring* where that is due."""
    return "expiring" if sender.expiring else sender.status.value


def countdown(sender: Sender) -> str:
    """Return when the grant ends, or since when it has been refused."""
    if sender.status in {SenderStatus.EXPIRED, SenderStatus.BLOCKED}:
        return f"{sender.status.value} {duration(now() - sender.status_changed_at)} ago"
    if sender.status is SenderStatus.PENDING:
        return "never authorised"
    if sender.grant_expires_at is None:
        return "no end known"
    left = sender.grant_expires_at - now()
    if left < timedelta(0):
        return f"due to end {duration(-left)} ago"
    return f"expires in {duration(left)}"


def duration(length: timedelta) -> str:
    """Return a length of time in its largest fitting unit: ``3 d``, ``5 h``, ``12 min``."""
    minutes = max(int(length.total_seconds() // 60), 1)
    if minutes >= 48 * 60:
        return f"{minutes // (24 * 60)} d"
    if minutes >= 60:  # noqa: PLR2004 - an hour
        return f"{minutes // 60} h"
    return f"{minutes} min"


def mails(count: int) -> str:
    """Return how many mails, as a text."""
    return "1 mail" if count == 1 else f"{count} mails"

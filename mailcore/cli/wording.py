"""Words that several commands use."""

from mailcore import Sender


def status(sender: Sender) -> str:
    """Return the sender's status, or *expiring* where that applies."""
    return "expiring" if sender.expiring else sender.status.value

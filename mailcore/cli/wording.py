"""Words that several commands use."""

from mailcore import Sender


def status(sender: Sender) -> str:
    """Return the sender's status, or *expiring* where that applies."""
    return "expiring" if sender.expiring else sender.status.value


def messages(count: int) -> str:
    """Return how many messages: ``"1 message"``, ``"2 messages"``."""
    return "1 message" if count == 1 else f"{count} messages"

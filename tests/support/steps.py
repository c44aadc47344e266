"""What jobs do, and what is recorded of it, as one call each."""

from typing import Any

from mailcore import Delivery, Mailcore, Sent

ORDINARY: Any = {
    "to": "ops@example.com",
    "subject": "Disk is full",
    "text": "94 % of /var are used.",
    "timeout": 5,
}


def send(core: Mailcore, alias: str = "alerts", **changes: Any) -> Sent:
    """Send an ordinary mail, with some arguments changed."""
    sent: Sent = core.send_email(alias, **{**ORDINARY, **changes})
    return sent


def deliveries(core: Mailcore) -> tuple[Delivery, ...]:
    """Every recorded delivery, newest first."""
    return core.deliveries.page(limit=10_000).deliveries


def the_delivery(core: Mailcore) -> Delivery:
    """The only recorded delivery."""
    [delivery] = deliveries(core)
    return delivery


def history(core: Mailcore, alias: str = "alerts") -> list[str]:
    """What happened to a sender, oldest first."""
    return [event.what for event in reversed(core.senders.events(alias))]

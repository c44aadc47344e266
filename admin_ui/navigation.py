"""The pages and their addresses: which there are, in the order in which they are offered."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """Where a page is.

    Attributes:
        script: draws it.
        title: what it is called.
        icon: a Material icon's name.
        path: what stands after the slash.
        offered: whether every page links to it.
    """

    script: str
    title: str
    icon: str
    path: str
    offered: bool = True


SENDERS = Address("senders_page.py", "Senders", "outgoing_mail", "")
DELIVERIES = Address("deliveries_page.py", "Deliveries", "receipt_long", "deliveries")
SETUP = Address("setup_page.py", "Setup", "settings", "setup")
SENDER = Address("sender_page.py", "Sender", "mail", "sender", offered=False)

PAGES = (SENDERS, DELIVERIES, SETUP, SENDER)

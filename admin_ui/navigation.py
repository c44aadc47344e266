"""The pages, in the order of the navigation bar."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PageEntry:
    """A page, and where it is.

    Attributes:
        script: the file that draws it.
        title: in the navigation bar.
        icon: a Material icon's name.
        path: the URL's path, without the slash.
        in_bar: whether the navigation bar links to it.
    """

    script: str
    title: str
    icon: str
    path: str
    in_bar: bool = True


SENDERS = PageEntry("senders_page.py", "Senders", "outgoing_mail", "")
DELIVERIES = PageEntry("deliveries_page.py", "Deliveries", "receipt_long", "deliveries")
SETUP = PageEntry("setup_page.py", "Setup", "settings", "setup")
SENDER = PageEntry("sender_page.py", "Sender", "mail", "sender", in_bar=False)

PAGES = (SENDERS, DELIVERIES, SETUP, SENDER)

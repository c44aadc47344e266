"""The pages, in the order of the navigation bar."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from starlette.datastructures import URL


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

#: The addresses at which a page is.
PATHS = frozenset(f"/{address.path}" for address in PAGES)

#: Where re-auths begin; a sender's alias follows.
REAUTH = "/reauth/"
_BEGINS_REAUTH = re.compile(rf"{REAUTH}[a-z0-9._-]+")


def is_page(path: str) -> bool:
    """Say whether something for people is at an address of ours."""
    return path in PATHS or _BEGINS_REAUTH.fullmatch(path) is not None


def page_of(url: URL) -> str:
    """Return the page and the query of an address, and never anything but a page of ours."""
    if not is_page(url.path):
        return "/"
    query = quote(url.query, safe="=&+%")
    return f"{url.path}?{query}" if query else url.path

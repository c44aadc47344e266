"""Which requests are for the JSON API, where the admin page has addresses of the same name."""

import re

from starlette.datastructures import Headers

#: A page for people, and a list for programs.
DELIVERIES = "/deliveries"
_DELIVERY = re.compile(rf"{DELIVERIES}/[0-9a-f]{{8}}-[0-9a-f-]{{27}}(/[a-z]+)?")


def brings_key(headers: Headers) -> bool:
    """Say whether a request brings an API key."""
    return headers.get("authorization", "").lower().startswith("bearer ")


def is_about_deliveries(path: str, headers: Headers) -> bool:
    """Say whether a request is for the API's deliveries, rather than for the page.

    A browser that opens the page asks for HTML, and has no key.
    """
    if path == DELIVERIES:
        return brings_key(headers) or "text/html" not in headers.get("accept", "")
    below = path.startswith(f"{DELIVERIES}/")
    return below and (brings_key(headers) or _DELIVERY.fullmatch(path) is not None)

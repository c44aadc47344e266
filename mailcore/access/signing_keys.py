"""Fetching the keys with which a proxy signs who is at the admin page."""

from http import HTTPStatus

from mailcore.clock import Deadline
from mailcore.errors import NotAdmitted
from mailcore.google.failures import GoogleFailure
from mailcore.google.transport import Transport

#: Seconds that it may take.
_TIMEOUT = 5.0


def fetch(url: str, transport: Transport) -> bytes:
    """Return what is published at an address.

    Raises:
        NotAdmitted: it cannot be fetched.
    """
    try:
        answer = transport.get(url, deadline=Deadline(_TIMEOUT))
    except GoogleFailure as exc:
        raise _away(url) from exc
    if answer.status != HTTPStatus.OK or not answer.whole:
        raise _away(url)
    return answer.body


def _away(url: str) -> NotAdmitted:
    return NotAdmitted(
        f"The proxy's keys at {url} cannot be fetched, so nobody can get in.",
        remedy="Check PALEMAIL_SIGNED_USER_KEYS_URL, and that this machine can reach it. "
        "pal-e-mail tries again once a minute.",
    )

"""Reading a successful answer of the token endpoint (RFC 6749 section 5.1)."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from mailcore.clock import now
from mailcore.google.credentials import Grant

_LIFETIME_IF_UNSAID = 3600

# RFC 6749 appendix A.12: visible ASCII, and spaces. What a portal says in its place would be
# stored for the grant, and Google's 401 to it would expire the sender.
_TOKEN = re.compile(r"[ -~]+")

#: What reading something else than a token answer raises.
UNREADABLE = (AttributeError, KeyError, OverflowError, TypeError, ValueError)


def read_grant(answer: Mapping[str, Any], before: Grant) -> Grant:
    """Return the grant in an answer; what the answer leaves out stays as before.

    Args:
        answer: the decoded JSON.
        before: the grant that was renewed, or what was asked for.

    Raises:
        one of `UNREADABLE`: it is no token answer.
    """
    renewed = answer.get("refresh_token")
    scope = answer.get("scope") or before.scopes
    lifetime = timedelta(seconds=float(answer.get("expires_in") or _LIFETIME_IF_UNSAID))
    return Grant(
        refresh_token=_token(renewed) if renewed else before.refresh_token,
        access_token=_token(answer["access_token"]),
        access_expires_at=now() + lifetime,
        scopes=tuple(scope.split() if isinstance(scope, str) else scope),
    )


def _token(value: object) -> str:
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise ValueError("this is no token")
    return value

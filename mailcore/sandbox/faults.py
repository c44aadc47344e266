"""What can go wrong at Google, one name for each.

Every fault is a frozen `Fault`; `catalogue()` lists all of them by name. Pass one to
`GoogleSandbox.fail`, changed where need be::

    google.fail("send", faults.SERVICE_UNAVAILABLE)
    google.fail("send", faults.slow(30))
    google.fail("token", faults.too_many_requests(wait=60, header=True), times=None)
    google.fail("send", faults.BAD_GATEWAY.after_taking())
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

from mailcore.sandbox.responses import (
    HTML,
    JSON,
    gmail_error,
    html_error,
    insufficient_scope,
    token_error,
    unauthenticated,
)


class Ending(StrEnum):
    """How a faulty request ends."""

    #: Answered as if nothing were wrong (after the fault's delay).
    NORMAL = "normal"
    #: Answered with the fault's own status, headers and body.
    ANSWER = "answer"
    #: The connection is closed without an answer.
    CLOSE = "close"
    #: The connection is reset (TCP RST) without an answer.
    RESET = "reset"
    #: The connection is closed in the middle of the answer.
    CUT = "cut"


@dataclass(frozen=True)
class Fault:
    """One way in which a request goes wrong.

    Attributes:
        name: its name in the catalogue and on the sandbox's home page.
        ending: how the request ends.
        status: the HTTP status of the answer.
        body: the body of the answer.
        content_type: its media type.
        headers: further headers of the answer.
        delay: seconds before it ends. Ends early, with nothing taken, when the client
            hangs up or the sandbox stops.
        taken: the request takes effect all the same, before the delay: a message lands
            in the outbox, a code is used up, a token is issued.
    """

    name: str
    ending: Ending = Ending.ANSWER
    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0
    taken: bool = False

    def after_taking(self) -> Self:
        """Return the same fault, but after the request has taken effect."""
        return replace(self, taken=True)

    def delayed(self, seconds: float) -> Self:
        """Return the same fault, after a wait."""
        return replace(self, delay=seconds)


def _gmail(
    status: int,
    reason: str,
    message: str,
    *,
    name: str | None = None,
    domain: str = "global",
    canonical: str | None = None,
    info: str | None = None,
) -> Fault:
    body = gmail_error(status, message, reason, domain=domain, canonical=canonical, info=info)
    return Fault(name or reason, status=status, body=body)


def _token(
    status: int,
    error: str,
    description: str | None = None,
    *,
    name: str | None = None,
    subtype: str | None = None,
) -> Fault:
    return Fault(name or error, status=status, body=token_error(error, description, subtype))


def _html(status: int) -> Fault:
    return Fault(f"{status}_html", status=status, body=html_error(status), content_type=HTML)


_unauthenticated = unauthenticated()
_insufficient_scope = insufficient_scope()

# The Gmail API.
UNAUTHORIZED = Fault(
    "unauthorized",
    status=401,
    body=_unauthenticated.body,
    headers=_unauthenticated.headers,
)
INSUFFICIENT_PERMISSIONS = Fault(
    "insufficientPermissions",
    status=403,
    body=_insufficient_scope.body,
    headers=_insufficient_scope.headers,
)
RATE_LIMIT_EXCEEDED = _gmail(
    403,
    "rateLimitExceeded",
    "Rate Limit Exceeded",
    domain="usageLimits",
    info="RATE_LIMIT_EXCEEDED",
)
USER_RATE_LIMIT_EXCEEDED = _gmail(
    403, "userRateLimitExceeded", "User Rate Limit Exceeded", domain="usageLimits"
)
DAILY_LIMIT_EXCEEDED = _gmail(
    403, "dailyLimitExceeded", "Daily Limit Exceeded", domain="usageLimits"
)
QUOTA_EXCEEDED = _gmail(403, "quotaExceeded", "Quota exceeded.", domain="usageLimits")
ACCESS_NOT_CONFIGURED = _gmail(
    403,
    "accessNotConfigured",
    "Gmail API has not been used in project 123456789012 before or it is disabled. Enable it, "
    "then retry.",
    domain="usageLimits",
    info="SERVICE_DISABLED",
)
DOMAIN_POLICY = _gmail(403, "domainPolicy", "The domain administrators have disabled Gmail apps.")
FORBIDDEN = _gmail(403, "forbidden", "Forbidden")
MAIL_SERVICE_NOT_ENABLED = _gmail(
    400,
    "failedPrecondition",
    "Mail service not enabled",
    name="mailServiceNotEnabled",
    canonical="FAILED_PRECONDITION",
)
PRECONDITION_FAILED = _gmail(
    400, "failedPrecondition", "Precondition check failed.", canonical="FAILED_PRECONDITION"
)
INVALID_ARGUMENT = _gmail(400, "invalidArgument", "Invalid To header")
TOO_LARGE = _gmail(413, "uploadTooLarge", "Request Entity Too Large")
INTERNAL_ERROR = _gmail(500, "backendError", "Backend Error", name="500_json")
BAD_GATEWAY = _gmail(502, "backendError", "Bad Gateway", name="502_json")
SERVICE_UNAVAILABLE = _gmail(
    503, "backendError", "The service is currently unavailable.", name="503_json"
)
GATEWAY_TIMEOUT = _gmail(504, "backendError", "Deadline exceeded", name="504_json")

# Google's front ends, before any API.
INTERNAL_ERROR_HTML = _html(500)
BAD_GATEWAY_HTML = _html(502)
SERVICE_UNAVAILABLE_HTML = _html(503)
GATEWAY_TIMEOUT_HTML = _html(504)

# The token endpoint.
INVALID_GRANT = _token(400, "invalid_grant", "Token has been expired or revoked.")
ACCOUNT_DELETED = _token(400, "invalid_grant", "Account has been deleted", name="account_deleted")
ACCOUNT_SUSPENDED = _token(
    400, "invalid_grant", "Account has been suspended", name="account_suspended"
)
INVALID_RAPT = _token(
    400,
    "invalid_grant",
    "reauth related error (invalid_rapt)",
    name="invalid_rapt",
    subtype="invalid_rapt",
)
ADMIN_POLICY_ENFORCED = _token(
    400, "admin_policy_enforced", "The account's administrator does not allow this app."
)
INVALID_CLIENT = _token(401, "invalid_client", "The OAuth client was not found.")
UNAUTHORIZED_CLIENT = _token(401, "unauthorized_client", "Unauthorized")
DISABLED_CLIENT = _token(401, "disabled_client", "The OAuth client was disabled.")
DELETED_CLIENT = _token(401, "deleted_client", "The OAuth client was deleted.")
INTERNAL_FAILURE = _token(500, "internal_failure", "Backend Error")
TEMPORARILY_UNAVAILABLE = _token(503, "temporarily_unavailable", "Try again later")

# 200, but not the answer.
OK_WITH_HTML = Fault(
    "200_html",
    body=b"<!DOCTYPE html><title>Sign in to the guest network</title><p>Please sign in.",
    content_type=HTML,
)
OK_WITH_GARBAGE = Fault("200_garbage", body=b'["unexpected", 42]')
OK_WITH_TRUNCATED_JSON = Fault("200_truncated_json", body=b'{"id": "18f3a', taken=True)

# The connection itself. The client cannot tell "before" from "after": only the outbox can.
CLOSE_BEFORE = Fault("close_before_taking", Ending.CLOSE)
CLOSE_AFTER = Fault("close_after_taking", Ending.CLOSE, taken=True)
RESET_BEFORE = Fault("reset_before_taking", Ending.RESET)
RESET_AFTER = Fault("reset_after_taking", Ending.RESET, taken=True)
CUT_AFTER = Fault("cut_after_taking", Ending.CUT, taken=True)


def slow(seconds: float) -> Fault:
    """Return a delay, after which the request succeeds if the client is still waiting."""
    return Fault("slow", Ending.NORMAL, delay=seconds)


def too_many_requests(
    wait: float = 900, *, text: bool = True, header: bool = False, until: datetime | None = None
) -> Fault:
    """Return a 429 as Gmail sends it.

    Args:
        wait: seconds from now until the client may try again.
        text: give that time in the message, as Gmail does.
        header: give the seconds as a ``Retry-After`` header.
        until: that time itself, aware, instead of `wait`.
    """
    moment = until or datetime.now(UTC) + timedelta(seconds=wait)
    stamp = moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    message = "User-rate limit exceeded."
    if text:
        message += f"  Retry after {stamp}"
    fault = _gmail(429, "rateLimitExceeded", message, name="429", domain="usageLimits")
    seconds = max(0, round((moment - datetime.now(UTC)).total_seconds()))
    return replace(fault, headers={"Retry-After": str(seconds)} if header else {})


def catalogue() -> dict[str, Fault]:
    """Return every fault by name, for the home page and for parametrised tests."""
    constants = [value for value in globals().values() if isinstance(value, Fault)]
    made = [
        slow(10),
        replace(slow(10).after_taking(), name="slow_after_taking"),
        replace(too_many_requests(), name="429_date"),
        replace(too_many_requests(text=False, header=True), name="429_header"),
        replace(too_many_requests(text=False), name="429_bare"),
    ]
    return {fault.name: fault for fault in [*constants, *made]}

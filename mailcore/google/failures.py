"""What Google's refusals mean: one place decides, by reason and never by code alone.

Sources: Gmail's error guide (https://developers.google.com/workspace/gmail/api/guides/handle-errors),
RFC 6749 section 5.2, and Google's OAuth guide
(https://developers.google.com/identity/protocols/oauth2/web-server).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from mailcore.clock import now

if TYPE_CHECKING:
    from mailcore.google.connection import Answer


class FailureKind(StrEnum):
    """What a failure means for the sender and for the message."""

    #: The grant is refused; a re-auth fixes it.
    GRANT = "grant"
    #: The access token is refused; a refresh may fix it.
    ACCESS_TOKEN = "access_token"  # noqa: S105 - a name, not a token
    #: The account is refused; a re-auth does not fix it.
    ACCOUNT = "account"
    #: Too much at once.
    RATE = "rate"
    #: Google was not reached, or is out of order; nothing was taken.
    TEMPORARY = "temporary"
    #: The request went out, and no clear answer came back.
    UNKNOWN = "unknown"
    #: The OAuth client, the project or a setting is refused.
    CONFIGURATION = "configuration"
    #: This message is refused.
    MESSAGE = "message"


class GoogleFailure(Exception):
    """A call to Google failed.

    Attributes:
        kind: what it means.
        reason: Google's own word for it, or ours where Google said none.
        text: Google's explanation, in one line.
        retry_at: when Google will take the next call, if it said so.
    """

    def __init__(
        self, kind: FailureKind, reason: str, text: str, *, retry_at: datetime | None = None
    ) -> None:
        super().__init__(f"{reason}: {text}")
        self.kind = kind
        self.reason = reason
        self.text = text
        self.retry_at = retry_at


_GMAIL_REASONS = {
    "insufficientPermissions": FailureKind.GRANT,
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": FailureKind.GRANT,
    "rateLimitExceeded": FailureKind.RATE,
    "RATE_LIMIT_EXCEEDED": FailureKind.RATE,
    "userRateLimitExceeded": FailureKind.RATE,
    "dailyLimitExceeded": FailureKind.RATE,
    "quotaExceeded": FailureKind.RATE,
    "accessNotConfigured": FailureKind.CONFIGURATION,
    "SERVICE_DISABLED": FailureKind.CONFIGURATION,
    "domainPolicy": FailureKind.ACCOUNT,
    "accountDisabled": FailureKind.ACCOUNT,
    "userSuspended": FailureKind.ACCOUNT,
    "CONSUMER_INVALID": FailureKind.CONFIGURATION,
    "CONSUMER_SUSPENDED": FailureKind.CONFIGURATION,
    "RESOURCE_QUOTA_EXCEEDED": FailureKind.RATE,
}

#: What a status says by itself, whatever the reason beside it.
_GMAIL_STATUSES: dict[int, FailureKind] = {
    HTTPStatus.UNAUTHORIZED: FailureKind.ACCESS_TOKEN,
    HTTPStatus.REQUEST_TIMEOUT: FailureKind.TEMPORARY,
    HTTPStatus.MISDIRECTED_REQUEST: FailureKind.TEMPORARY,
    HTTPStatus.TOO_MANY_REQUESTS: FailureKind.RATE,
}
_ABOUT_THE_MESSAGE = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
#: The least status by which a server says that it did not do it.
_REFUSAL = HTTPStatus.BAD_REQUEST
_SERVER_ERROR = HTTPStatus.INTERNAL_SERVER_ERROR

_TOKEN_ERRORS = {
    "invalid_grant": FailureKind.GRANT,
    "invalid_rapt": FailureKind.GRANT,
    #: At a renewal: this grant belongs to another OAuth client.
    "unauthorized_client": FailureKind.GRANT,
    "admin_policy_enforced": FailureKind.ACCOUNT,
    "account_disabled": FailureKind.ACCOUNT,
    "account_suspended": FailureKind.ACCOUNT,
    "rate_limit_exceeded": FailureKind.RATE,
    "temporarily_unavailable": FailureKind.TEMPORARY,
    "server_error": FailureKind.TEMPORARY,
    "internal_failure": FailureKind.TEMPORARY,
}

_MAIL_SERVICE_OFF = re.compile(r"mail service not enabled", re.IGNORECASE)
_ACCOUNT_GONE = re.compile(r"(account|user)\b.*\b(deleted|disabled|suspended)", re.IGNORECASE)
_RETRY_AFTER = re.compile(r"Retry after (\d{4}-\d\d-\d\dT[\d:.]+Z)", re.IGNORECASE)


def gmail_failure(answer: "Answer") -> GoogleFailure:
    """Read an answer of Gmail's API, or of something before it, that is not a 200."""
    error = _json_object(answer).get("error")
    if not isinstance(error, dict) or not _is_googles(answer, error):
        return _not_gmail(answer)
    text = one_line(error.get("message")) or f"HTTP {answer.status} without an explanation"
    reasons = _reasons(error)
    known = next((reason for reason in reasons if reason in _GMAIL_REASONS), None)
    reason = known or (reasons[0] if reasons else f"http_{answer.status}")
    if answer.status >= _SERVER_ERROR:
        kind = _server_error(answer)
    else:
        kind = _gmail_kind(answer.status, known, reasons, text)
    return GoogleFailure(kind, reason, text, retry_at=_retry_at(answer.headers, text))


def _is_googles(answer: "Answer", error: dict[str, Any]) -> bool:
    """Tell Google's refusal from a gateway's, which may look alike.

    Google repeats the status in it as a number (https://google.aip.dev/193).
    """
    return answer.status >= _REFUSAL and error.get("code", answer.status) == answer.status


def _not_gmail(answer: "Answer") -> GoogleFailure:
    """Judge what a proxy, a gateway or a captive portal answers, or one of Google's front ends."""
    kind = FailureKind.TEMPORARY
    text = f"something between here and Gmail responded: HTTP {answer.status}"
    if answer.status >= _SERVER_ERROR:
        kind = _server_error(answer)
    elif answer.status < HTTPStatus.MULTIPLE_CHOICES:
        # A proxy that alters an answer says 203; whatever it says, Gmail may have the message.
        kind = FailureKind.UNKNOWN
    retry_at = _retry_at(answer.headers, "")
    return GoogleFailure(kind, f"http_{answer.status}", text, retry_at=retry_at)


def _server_error(answer: "Answer") -> FailureKind:
    """Gmail is known to send after a 500; a gateway's 502 or 504 says nothing of what is behind.

    https://github.com/googleapis/google-api-python-client/issues/1474
    """
    if answer.early or answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return FailureKind.TEMPORARY
    return FailureKind.UNKNOWN


def _gmail_kind(status: int, known: str | None, reasons: list[str], text: str) -> FailureKind:
    """Judge what Google itself says about a request that it did not take."""
    if status in _GMAIL_STATUSES:
        return _GMAIL_STATUSES[status]
    if known is not None:
        return _GMAIL_REASONS[known]
    if "failedPrecondition" in reasons and _MAIL_SERVICE_OFF.search(text):
        return FailureKind.ACCOUNT
    # What nobody knows is no fault of the message's: it may go out once the deployment is right.
    return FailureKind.MESSAGE if status in _ABOUT_THE_MESSAGE else FailureKind.CONFIGURATION


def token_failure(answer: "Answer") -> GoogleFailure:
    """Read an answer of the token endpoint, or of something before it, that is not a 200.

    RFC 6749 section 5.2. Nothing is unknown here: a token may be asked for again.
    """
    said = _json_object(answer)
    error = said.get("error")
    if isinstance(error, dict):  # the general form of Google's APIs
        said, error = error, error.get("status")
    text = one_line(said.get("error_description") or said.get("message"))
    reason = one_line(said.get("error_subtype") or error) or f"http_{answer.status}"
    kind = _token_kind(answer.status, one_line(error), reason, text)
    if not one_line(error) and answer.status < _SERVER_ERROR:
        text = f"something between here and Google responded: HTTP {answer.status}"
    return GoogleFailure(
        kind, reason, text or f"HTTP {answer.status}", retry_at=_retry_at(answer.headers, text)
    )


def _token_kind(status: int, error: str, reason: str, text: str) -> FailureKind:
    if status >= _SERVER_ERROR or status < _REFUSAL:  # a redirect is a portal's, not Google's
        return FailureKind.TEMPORARY
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return FailureKind.RATE
    if error == "invalid_grant" and _ACCOUNT_GONE.search(text):
        return FailureKind.ACCOUNT
    for name in (reason, error):
        if name in _TOKEN_ERRORS:
            return _TOKEN_ERRORS[name]
    if not error:  # HTML or nothing: a proxy or a front end answered, not the token endpoint
        return FailureKind.TEMPORARY
    return FailureKind.CONFIGURATION


def _json_object(answer: "Answer") -> dict[str, Any]:
    try:
        document = answer.json()
    except ValueError:  # HTML, or cut short
        return {}
    return document if isinstance(document, dict) else {}


def _reasons(error: dict[str, Any]) -> list[str]:
    """Collect reasons from both places where Gmail puts them, `details` first."""
    entries = [
        entry
        for name in ("details", "errors")
        if isinstance(error.get(name), list)
        for entry in error[name]
        if isinstance(entry, dict)
    ]
    return [entry["reason"] for entry in entries if isinstance(entry.get("reason"), str)]


def one_line(value: object) -> str:
    """Return text from outside as one line without control characters; else an empty string."""
    if not isinstance(value, str):
        return ""
    line = " ".join(value.split())[:500]
    return "".join(character for character in line if character.isprintable())


def _retry_at(headers: Mapping[str, str], text: str) -> datetime | None:
    """Find when to try again: in Gmail's text, or the Retry-After header (RFC 9110, 10.2.3)."""
    if match := _RETRY_AFTER.search(text):
        try:
            return datetime.fromisoformat(match[1]).astimezone(UTC)
        except ValueError:  # not a date after all; the header may know
            pass
    header = headers.get("retry-after", "")
    if header.isdecimal() and len(header) < 10:  # noqa: PLR2004 - more digits mean nothing
        return now() + timedelta(seconds=min(int(header), 7 * 86400))
    try:
        return parsedate_to_datetime(header).astimezone(UTC)
    except ValueError:
        return None

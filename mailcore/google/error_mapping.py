"""From Google's failures to the errors that callers get: one table to audit."""

from typing import Any, NamedTuple

from mailcore.clock import now
from mailcore.errors import (
    ConfigurationError,
    MailError,
    MessageRejected,
    OutcomeUnknown,
    PalEMailError,
    RateLimited,
    ReauthRequired,
    SenderBlocked,
    TemporaryFailure,
)
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.google.service_accounts import REFUSED as SERVICE_ACCOUNT_REFUSED
from mailcore.status import RefusedBy

ERRORS: dict[FailureKind, type[PalEMailError]] = {
    FailureKind.GRANT: ReauthRequired,
    FailureKind.ACCESS_TOKEN: ReauthRequired,
    FailureKind.ACCOUNT: SenderBlocked,
    FailureKind.RATE: RateLimited,
    FailureKind.TEMPORARY: TemporaryFailure,
    FailureKind.UNKNOWN: OutcomeUnknown,
    FailureKind.CONFIGURATION: ConfigurationError,
    FailureKind.MESSAGE: MessageRejected,
}

#: The consent left out a permission that sending needs.
_SCOPE_MISSING = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
#: The project's Gmail API is not switched on.
_API_DISABLED = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})
#: Limits of the whole project rather than of one sender.
_PROJECT_QUOTA = frozenset({"dailyLimitExceeded", "quotaExceeded"})


class _Explanation(NamedTuple):
    """What is wrong, with which sender, and what to do about it."""

    message: str
    remedy: str


_EXPLANATIONS = {
    FailureKind.GRANT: _Explanation(
        "Google no longer accepts the grant of sender {alias!r} ({said}).",
        "Re-authorise it on {page}.",
    ),
    FailureKind.ACCOUNT: _Explanation(
        "Google does not let the account of sender {alias!r} send ({said}). Re-authorising does "
        "not help.",
        "Ask the Workspace admin to check that the account exists, is not suspended, has Gmail "
        "turned on, and may use this app.",
    ),
    FailureKind.RATE: _Explanation(
        "Google asks sender {alias!r} to slow down ({said}). Nothing was sent.",
        "{when}",
    ),
    FailureKind.TEMPORARY: _Explanation(
        "Google could not serve sender {alias!r} just now ({said}). Nothing was sent.",
        "It is safe to try again later.",
    ),
    FailureKind.UNKNOWN: _Explanation(
        "A message from sender {alias!r} may or may not have been sent ({said}). It will not be "
        "sent again automatically.",
        "Check the account's Sent folder, then settle it on {page} or with `pal-e-mail "
        "deliveries arrived`, `retry` or `discard`.",
    ),
    FailureKind.CONFIGURATION: _Explanation(
        "Google refuses the OAuth client or the project, not sender {alias!r} ({said}).",
        "Check the client, and that the Gmail API is enabled, on the Setup page or with "
        "`pal-e-mail doctor`.",
    ),
    FailureKind.MESSAGE: _Explanation(
        "Gmail rejected this message from sender {alias!r} ({said}).",
        "Change the message before you send it again.",
    ),
}
_EXPLANATIONS[FailureKind.ACCESS_TOKEN] = _EXPLANATIONS[FailureKind.GRANT]
_OTHER_CLIENT = _Explanation(
    "The grant of sender {alias!r} belongs to a different OAuth client ({said}).",
    "Re-authorise the sender on {page}, or put the old client back.",
)

_SERVICE_ACCOUNT = _Explanation(
    "Google does not let the service account of sender {alias!r} send ({said}).",
    "Ask the Workspace admin to allow that client ID and scope in the Admin console, under "
    "Security, API controls, Domain-wide delegation, and to check that the mailbox exists. If the "
    "key was deleted, give the sender a new one.",
)

#: What became of a draft can be found out.
_DRAFT = _Explanation(
    "A message from sender {alias!r} may or may not have been sent ({said}). A worker will check "
    "what became of its draft, and send it if it is still there.",
    "Don't send it again: see on {page} or with `pal-e-mail deliveries show` what it came to.",
)

#: The code under which it is recorded that a grant belongs to another OAuth client.
OTHER_CLIENT = "other_client"
#: The code under which it is recorded that the token endpoint refuses the OAuth client.
CLIENT_REFUSED = ConfigurationError.code
#: The code of a project's exhausted quota.
QUOTA_EXCEEDED = "quota_exceeded"
#: Codes of what Gmail says against the project, or for a reason that nobody knows.
SAID_OF_PROJECT = ("api_disabled", QUOTA_EXCEEDED, "project_refused")
#: Codes of what only Gmail itself says: that access could be renewed does not refute it.
SAID_BY_GMAIL = ("scope_missing", *SAID_OF_PROJECT)
#: Codes of what passes by itself: it says nothing of the client or the project, good or bad.
PASSING = (TemporaryFailure.code, RateLimited.code, OutcomeUnknown.code)


def explain(failure: GoogleFailure, *, alias: str, drafted: bool = False) -> str:
    """Say what is wrong, and with which sender; each front end says what to do in its own way.

    Args:
        failure: what happened.
        alias: the sender.
        drafted: the message is a draft, so that an unknown outcome settles itself.
    """
    return _explanation(failure, alias=alias, drafted=drafted, admin_url="").message


def _explanation(
    failure: GoogleFailure, *, alias: str, drafted: bool, admin_url: str
) -> _Explanation:
    # Google's sentences end with a full stop, and this one goes on.
    said = failure.reason if failure.text in {"", failure.reason} else str(failure).rstrip(".")
    if failure.reason == SERVICE_ACCOUNT_REFUSED:
        said = failure.text.rstrip(".")  # has Google's own reason
    when = "Try again later."
    if failure.retry_at is not None:
        when = f"Try again at {failure.retry_at:%Y-%m-%d %H:%M:%S} UTC."
    explanation = _EXPLANATIONS[failure.kind]
    if _is_of_other_client(failure):
        explanation = _OTHER_CLIENT
    elif failure.reason == SERVICE_ACCOUNT_REFUSED:
        explanation = _SERVICE_ACCOUNT
    elif drafted and failure.kind is FailureKind.UNKNOWN:
        explanation = _DRAFT
    message, remedy = explanation
    return _Explanation(
        message.format(alias=alias, said=said), remedy.format(page=admin_url, when=when)
    )


def record_code(failure: GoogleFailure, refused_by: RefusedBy) -> str:
    """Return the code under which a failure is recorded with its sender."""
    if failure.kind is FailureKind.RATE and failure.reason in _PROJECT_QUOTA:
        return QUOTA_EXCEEDED
    if failure.reason in _SCOPE_MISSING:
        return "scope_missing"
    if failure.reason in _API_DISABLED:
        return "api_disabled"
    if _is_of_other_client(failure):
        return OTHER_CLIENT
    if failure.kind is FailureKind.CONFIGURATION and refused_by is RefusedBy.GMAIL:
        return "project_refused"
    return ERRORS[failure.kind].code


def _is_of_other_client(failure: GoogleFailure) -> bool:
    return failure.reason == "unauthorized_client"


def to_error(
    failure: GoogleFailure,
    *,
    alias: str,
    admin_url: str,
    delivery_id: str | None = None,
    drafted: bool = False,
) -> PalEMailError:
    """Return the error that the caller gets.

    Args:
        failure: what happened.
        alias: the sender.
        admin_url: the page on which to re-authorise.
        delivery_id: the recorded delivery, or None where there is none.
        drafted: as for `explain`.
    """
    message, remedy = _explanation(failure, alias=alias, drafted=drafted, admin_url=admin_url)
    kind = ERRORS[failure.kind]
    if not issubclass(kind, MailError):
        return kind(message, remedy=remedy, alias=alias)
    evidence: dict[str, Any] = {"remedy": remedy, "alias": alias, "delivery_id": delivery_id}
    if kind is ReauthRequired:
        evidence["admin_url"] = admin_url
    if kind is RateLimited:
        at = failure.retry_at
        evidence["retry_at"] = at
        evidence["retry_after"] = at and max((at - now()).total_seconds(), 0.0)
    return kind(message, **evidence)

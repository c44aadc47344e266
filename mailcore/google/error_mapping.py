"""From Google's failures to the errors that callers get: one table to audit."""

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

_EXPLANATIONS = {
    FailureKind.GRANT: (
        "Google refuses the grant of sender {alias!r} ({said}). Re-authorise it on {page}; "
        "nothing else mends this."
    ),
    FailureKind.ACCOUNT: (
        "Google refuses the account of sender {alias!r} ({said}). Re-authorising does not "
        "mend this: have the Workspace admin check that the account exists, is not suspended, "
        "has Gmail switched on, and may use this app."
    ),
    FailureKind.RATE: (
        "Google asks sender {alias!r} to slow down ({said}). {when} Nothing was sent."
    ),
    FailureKind.TEMPORARY: (
        "Google could not take the message of sender {alias!r} just now ({said}). It did not "
        "go out; trying again later is safe."
    ),
    FailureKind.UNKNOWN: (
        "The message of sender {alias!r} may or may not have been sent ({said}). It is not "
        "repeated. Look into the account's Sent folder, then settle it on {page} or with "
        "`pal-e-mail deliveries retry|discard`."
    ),
    FailureKind.CONFIGURATION: (
        "Google refuses the OAuth client or the project, not sender {alias!r} ({said}). Check "
        "the client and that the Gmail API is enabled, on the Setup page or with "
        "`pal-e-mail doctor`."
    ),
    FailureKind.MESSAGE: (
        "Gmail refuses this message of sender {alias!r} ({said}). Sending it again would be "
        "refused again: change the message."
    ),
}
_OTHER_CLIENT = (
    "The grant of sender {alias!r} was given to another OAuth client than the one that is set up "
    "({said}). Re-authorise it on {page}, or restore the client that it was given to."
)
_EXPLANATIONS[FailureKind.ACCESS_TOKEN] = _EXPLANATIONS[FailureKind.GRANT]

#: Codes of what only Gmail itself says: that access could be renewed does not refute it.
SAID_BY_GMAIL = ("scope_missing", "api_disabled", "quota_exceeded")


def explain(failure: GoogleFailure, *, alias: str, admin_url: str) -> str:
    """Say what is wrong, with which sender, and what to do next."""
    said = failure.reason if failure.text in {"", failure.reason} else str(failure)
    when = "Try again later."
    if failure.retry_at is not None:
        when = f"It takes the next message at {failure.retry_at:%Y-%m-%d %H:%M:%S} UTC."
    explanation = _EXPLANATIONS[failure.kind]
    if failure.reason == "unauthorized_client":
        explanation = _OTHER_CLIENT
    return explanation.format(alias=alias, said=said, page=admin_url, when=when)


def record_code(failure: GoogleFailure) -> str:
    """Return the code under which a failure is recorded with its sender."""
    if failure.kind is FailureKind.RATE and failure.reason in _PROJECT_QUOTA:
        return "quota_exceeded"
    if failure.reason in _SCOPE_MISSING:
        return "scope_missing"
    if failure.reason in _API_DISABLED:
        return "api_disabled"
    return ERRORS[failure.kind].code


def to_error(
    failure: GoogleFailure, *, alias: str, admin_url: str, delivery_id: str | None = None
) -> PalEMailError:
    """Return the error that the caller gets.

    Args:
        failure: what happened.
        alias: the sender.
        admin_url: the page on which to re-authorise.
        delivery_id: the recorded delivery, or None where there is none.
    """
    message = explain(failure, alias=alias, admin_url=admin_url)
    kind = ERRORS[failure.kind]
    if kind is ReauthRequired:
        return ReauthRequired(message, alias=alias, delivery_id=delivery_id, admin_url=admin_url)
    if kind is RateLimited:
        at = failure.retry_at
        wait = None if at is None else max((at - now()).total_seconds(), 0.0)
        return RateLimited(
            message, alias=alias, delivery_id=delivery_id, retry_after=wait, retry_at=at
        )
    if issubclass(kind, MailError):
        return kind(message, alias=alias, delivery_id=delivery_id)
    return kind(message, alias=alias)

"""What each error means to whoever asked: one table, for the pages and for the API.

The error's own text says what happened; this says which HTTP status fits (RFC 9110),
how the page is headed, and what to do next.

Why these statuses: 4xx where another link or another choice by the person fixes it, 502
where Google's answer is at fault, 503 where waiting fixes it, 500 where the deployment is.
Of the 4xx, 403 is a person's (or Google's) no, 409 a clash with what is stored, and 410 a
link that was good once.
"""

from dataclasses import dataclass
from http import HTTPStatus

from mailcore import (
    ConfigurationError,
    ConsentDenied,
    DatabaseUnavailable,
    ExchangeFailed,
    IdentityMissing,
    InvalidSender,
    LinkExpired,
    LinkInvalid,
    LinkUsed,
    PalEMailError,
    PermissionMissing,
    RateLimited,
    RefreshTokenMissing,
    SenderExists,
    SenderNotFound,
    TemporaryFailure,
    WrongAccount,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one kind of error is answered.

    Attributes:
        status: the HTTP status.
        heading: what happened, in a few words; also an API problem's title.
        next_step: what to do about it.
        fixed_by_retry: going to Google again may well fix it.
        public_message: what happened, where the error's own text names hosts and paths that
            are nobody else's business; or None.
        api_remedy: what a program's author can do, where the error's own remedy is for
            someone at a shell; or None.
    """

    status: HTTPStatus
    heading: str
    next_step: str
    fixed_by_retry: bool = False
    public_message: str | None = None
    api_remedy: str | None = None


_ASK_FOR_A_LINK = (
    "Start again from the senders page, or ask the person who sent you the link for a new one."
)

OUTCOMES: dict[str, Outcome] = {
    LinkInvalid.code: Outcome(
        status=HTTPStatus.BAD_REQUEST,
        heading="This link is not valid",
        next_step=f"Check that you copied all of it. {_ASK_FOR_A_LINK}",
    ),
    LinkExpired.code: Outcome(
        status=HTTPStatus.GONE,
        heading="This link has expired",
        next_step=_ASK_FOR_A_LINK,
    ),
    LinkUsed.code: Outcome(
        status=HTTPStatus.CONFLICT,
        heading="This link has already been used",
        next_step=f"Each link works once. {_ASK_FOR_A_LINK}",
    ),
    ConsentDenied.code: Outcome(
        status=HTTPStatus.FORBIDDEN,
        heading="Access was not allowed",
        next_step="Try again, and press “Continue” on Google’s page.",
        fixed_by_retry=True,
    ),
    PermissionMissing.code: Outcome(
        status=HTTPStatus.FORBIDDEN,
        heading="A permission is missing",
        next_step="Try again, and leave every box ticked on Google’s page.",
        fixed_by_retry=True,
    ),
    WrongAccount.code: Outcome(
        status=HTTPStatus.CONFLICT,
        heading="That was a different account",
        next_step="Try again with the right account.",
        fixed_by_retry=True,
    ),
    IdentityMissing.code: Outcome(
        status=HTTPStatus.BAD_GATEWAY,
        heading="Google did not say which account this is",
        next_step=(
            "Try again. If it keeps happening, ask the admin to run the checks on the Setup page."
        ),
        fixed_by_retry=True,
    ),
    RefreshTokenMissing.code: Outcome(
        status=HTTPStatus.CONFLICT,
        heading="Google gave no lasting access",
        next_step=(
            "Sign in to myaccount.google.com/connections with the sender’s account, remove this "
            "app there, then try again."
        ),
        fixed_by_retry=True,
    ),
    ExchangeFailed.code: Outcome(
        status=HTTPStatus.BAD_GATEWAY,
        heading="Google could not finish this",
        next_step="Wait a minute, then try again.",
        fixed_by_retry=True,
    ),
    # The process stopped in the middle of a callback.
    "cut_off": Outcome(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        heading="This was interrupted",
        next_step="Start again from the senders page.",
    ),
    ConfigurationError.code: Outcome(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        heading="The setup needs attention",
        next_step="Ask the admin to run the checks on the Setup page, then start again.",
    ),
    DatabaseUnavailable.code: Outcome(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        heading="The database cannot be reached",
        next_step="Wait a minute, then reload this page. Your link still works.",
        public_message="pal-e-mail cannot reach its database right now. Nothing was changed.",
        api_remedy="Try again in a minute.",
    ),
    TemporaryFailure.code: Outcome(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        heading="This did not work just now",
        next_step="Wait a minute, then try again.",
    ),
    RateLimited.code: Outcome(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        heading="Google asks us to slow down",
        next_step="Try again later.",
    ),
    SenderNotFound.code: Outcome(
        status=HTTPStatus.NOT_FOUND,
        heading="No such sender",
        next_step="It may have been deleted. Check the senders page.",
        public_message="No sender has that alias.",
        api_remedy="GET /senders lists the senders.",
    ),
    SenderExists.code: Outcome(
        status=HTTPStatus.CONFLICT,
        heading="This alias is taken",
        next_step="Choose another alias.",
    ),
    InvalidSender.code: Outcome(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        heading="A field is invalid",
        next_step="Correct the field.",
    ),
}

#: The database went away after the link was used up: reloading would only say so.
NOT_STORED = Outcome(
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    heading="The new grant could not be stored",
    next_step=(
        "Wait a minute, then start again from the senders page: this link cannot be used again."
    ),
    public_message=(
        "pal-e-mail lost its database before it could store the new grant. The old grant is "
        "untouched."
    ),
)

#: For what nobody foresaw. Its text is all that leaves the process.
UNFORESEEN = Outcome(
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    heading="Something went wrong",
    next_step="Try again. If it keeps happening, ask the admin to look in the server’s log.",
)
UNFORESEEN_DETAIL = "It was our fault, not yours. Details are in the server’s log."


def outcome_of(error: PalEMailError) -> Outcome:
    """Return how an error is answered."""
    if isinstance(error, DatabaseUnavailable) and error.authorization_id is not None:
        return NOT_STORED
    return OUTCOMES.get(error.code, UNFORESEEN)

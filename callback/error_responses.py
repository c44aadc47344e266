"""What each error means to whoever asked: one table, for the pages and for the API.

The error's own text says what happened; this says which HTTP status fits (RFC 9110),
how the page is headed, and what to do next.

Why these statuses: 4xx where another link or another choice by the person mends it, 502
where Google's answer is at fault, 503 where waiting mends it, 500 where the deployment is.
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
        mended_by_retry: going to Google again may well mend it.
    """

    status: HTTPStatus
    heading: str
    next_step: str
    mended_by_retry: bool = False


_ASK_FOR_A_LINK = (
    "Start again from the senders page, or ask whoever sent you the link for a new one."
)

OUTCOMES: dict[str, Outcome] = {
    LinkInvalid.code: Outcome(
        status=HTTPStatus.BAD_REQUEST,
        heading="This link is not valid",
        next_step=f"Check that it was copied whole. {_ASK_FOR_A_LINK}",
    ),
    LinkExpired.code: Outcome(
        status=HTTPStatus.GONE,
        heading="This link has expired",
        next_step=_ASK_FOR_A_LINK,
    ),
    LinkUsed.code: Outcome(
        status=HTTPStatus.CONFLICT,
        heading="This link was used already",
        next_step=f"Each link works once. {_ASK_FOR_A_LINK}",
    ),
    ConsentDenied.code: Outcome(
        status=HTTPStatus.FORBIDDEN,
        heading="Access was not allowed",
        next_step="Try again, and press “Continue” on Google’s page to allow it.",
        mended_by_retry=True,
    ),
    PermissionMissing.code: Outcome(
        status=HTTPStatus.FORBIDDEN,
        heading="A permission is missing",
        next_step="Try again, and leave every box ticked on Google’s page.",
        mended_by_retry=True,
    ),
    WrongAccount.code: Outcome(
        status=HTTPStatus.CONFLICT,
        heading="That was another account",
        next_step="Try again, and choose the sender’s own account on Google’s page.",
        mended_by_retry=True,
    ),
    IdentityMissing.code: Outcome(
        status=HTTPStatus.BAD_GATEWAY,
        heading="Google did not say which account this is",
        next_step="Try again. If it stays so, the admin should run the checks on the Setup page.",
        mended_by_retry=True,
    ),
    RefreshTokenMissing.code: Outcome(
        status=HTTPStatus.CONFLICT,
        heading="Google gave no lasting access",
        next_step=(
            "Remove this app under myaccount.google.com/connections, signed in with the "
            "sender’s account; then try again."
        ),
        mended_by_retry=True,
    ),
    ExchangeFailed.code: Outcome(
        status=HTTPStatus.BAD_GATEWAY,
        heading="Google could not complete it",
        next_step="Wait a minute, then try again.",
        mended_by_retry=True,
    ),
    # A callback that was begun, and of which no end was stored: the process stopped in it.
    "cut_off": Outcome(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        heading="It was cut off",
        next_step="Start again from the senders page.",
    ),
    ConfigurationError.code: Outcome(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        heading="The setup needs attention",
        next_step="The admin should run the checks on the Setup page, then start again.",
    ),
    DatabaseUnavailable.code: Outcome(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        heading="The database cannot be reached",
        next_step="Nothing is lost. Wait a minute, then reload this page.",
    ),
    TemporaryFailure.code: Outcome(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        heading="That did not work just now",
        next_step="Wait a minute, then try again.",
    ),
    RateLimited.code: Outcome(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        heading="Google asks to slow down",
        next_step="Try again later.",
    ),
    SenderNotFound.code: Outcome(
        status=HTTPStatus.NOT_FOUND,
        heading="No such sender",
        next_step="It may have been deleted meanwhile. Look on the senders page.",
    ),
    SenderExists.code: Outcome(
        status=HTTPStatus.CONFLICT,
        heading="The alias is taken",
        next_step="Choose another alias.",
    ),
    InvalidSender.code: Outcome(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        heading="A field is not usable",
        next_step="Correct the field.",
    ),
}

#: The database went away after the link was used up: reloading would only say so.
NOT_STORED = Outcome(
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    heading="The re-auth could not be stored",
    next_step=(
        "The old grant is untouched. Wait a minute, then start again from the senders page: "
        "this link is used up."
    ),
)

#: For what nobody foresaw. Its text is all that leaves the process.
UNFORESEEN = Outcome(
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    heading="Something went wrong here",
    next_step="Try again. If it stays so, the server’s log tells the admin more.",
)
UNFORESEEN_DETAIL = "The fault is on this side, and was recorded in the server’s log."


def outcome_of(error: PalEMailError) -> Outcome:
    """Return how an error is answered."""
    if isinstance(error, DatabaseUnavailable) and error.authorization_id is not None:
        return NOT_STORED
    return OUTCOMES.get(error.code, UNFORESEEN)

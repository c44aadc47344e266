"""How each error is answered: one table, for the pages and for the API.

The error's own text says what happened; this says which HTTP status fits (RFC 9110),
how the page is headed, and what to do next.

Why these statuses: 4xx where another link or another choice by the person fixes it, 502
where Google's response is at fault, 503 where waiting fixes it, 500 where the deployment is
at fault. Of the 4xx, 403 means that the person or Google said no, 409 that it conflicts with
what is stored, and 410 that the link has expired.
"""

from dataclasses import dataclass
from http import HTTPStatus

from mailcore import (
    AuthorizationError,
    ConfigurationError,
    ConsentDenied,
    DatabaseUnavailable,
    DeliveryDiscarded,
    DeliveryNotFound,
    DeliveryNotSettleable,
    ExchangeFailed,
    IdentityMissing,
    InvalidMessage,
    InvalidSender,
    LinkExpired,
    LinkInvalid,
    LinkUsed,
    MessageRejected,
    OutcomeUnknown,
    PalEMailError,
    PermissionMissing,
    RateLimited,
    ReauthRequired,
    RefreshTokenMissing,
    SearchTooSlow,
    SenderBlocked,
    SenderExists,
    SenderNotFound,
    TemporaryFailure,
    WrongAccount,
    describe_next_step,
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
            outsiders must not see; or None.
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


def _refused(error: type[AuthorizationError], status: HTTPStatus, heading: str) -> Outcome:
    """Return how a re-auth that Google or the person refused is answered."""
    return Outcome(
        status=status,
        heading=heading,
        next_step=describe_next_step(error.code),
        fixed_by_retry=True,
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
        next_step=f"If the sender still needs a re-auth: {_ASK_FOR_A_LINK}",
    ),
    ConsentDenied.code: _refused(ConsentDenied, HTTPStatus.FORBIDDEN, "Access was not allowed"),
    PermissionMissing.code: _refused(
        PermissionMissing, HTTPStatus.FORBIDDEN, "A permission is missing"
    ),
    WrongAccount.code: _refused(WrongAccount, HTTPStatus.CONFLICT, "That was a different account"),
    IdentityMissing.code: _refused(
        IdentityMissing, HTTPStatus.BAD_GATEWAY, "Google did not say which account this is"
    ),
    RefreshTokenMissing.code: _refused(
        RefreshTokenMissing, HTTPStatus.CONFLICT, "Google gave no lasting access"
    ),
    ExchangeFailed.code: _refused(
        ExchangeFailed, HTTPStatus.BAD_GATEWAY, "Google could not finish this"
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
        next_step=describe_next_step(ConfigurationError.code),
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
    InvalidMessage.code: Outcome(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        heading="The message is invalid",
        next_step="Correct the field.",
    ),
    MessageRejected.code: Outcome(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        heading="Gmail rejected the message",
        next_step="Change the message.",
    ),
    # A conflict, not a gateway's fault: programs try those again by themselves, and this one may
    # have been sent.
    OutcomeUnknown.code: Outcome(
        status=HTTPStatus.CONFLICT,
        heading="The message may or may not have been sent",
        next_step="Settle it on the deliveries page.",
    ),
    ReauthRequired.code: Outcome(
        status=HTTPStatus.CONFLICT,
        heading="The sender needs a re-auth",
        next_step="Re-authorise it on the senders page.",
    ),
    SenderBlocked.code: Outcome(
        status=HTTPStatus.CONFLICT,
        heading="Google refuses the sender's account",
        next_step="Ask the Workspace admin.",
    ),
    DeliveryDiscarded.code: Outcome(
        status=HTTPStatus.CONFLICT,
        heading="The message was discarded",
        next_step="Use another idempotency key.",
    ),
    DeliveryNotFound.code: Outcome(
        status=HTTPStatus.NOT_FOUND,
        heading="No such delivery",
        next_step="It may have been deleted.",
        api_remedy="GET /deliveries lists them.",
    ),
    DeliveryNotSettleable.code: Outcome(
        status=HTTPStatus.CONFLICT,
        heading="That can't be done to this delivery",
        next_step="Look at its status.",
    ),
    SearchTooSlow.code: Outcome(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        heading="The search takes too long",
        next_step="Narrow it.",
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
        "unchanged."
    ),
)

#: For what nobody foresaw. Its text is all that leaves the process.
UNFORESEEN = Outcome(
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    heading="Something went wrong",
    next_step="Try again. If it keeps happening, ask the admin to look in the server's log.",
)
UNFORESEEN_DETAIL = "The fault is ours, not yours. Details are in the server's log."


def outcome_of(error: PalEMailError) -> Outcome:
    """Return how an error is answered."""
    if isinstance(error, DatabaseUnavailable) and error.authorization_id is not None:
        return NOT_STORED
    return OUTCOMES.get(error.code, UNFORESEEN)

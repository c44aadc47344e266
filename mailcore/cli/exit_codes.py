"""One exit code for each kind of error, as in BSD's sysexits.h."""

from enum import IntEnum

from mailcore import (
    AuthorizationError,
    ConfigurationError,
    DeliveryNotFound,
    DeliveryNotSettleable,
    InvalidAlertChannel,
    InvalidMessage,
    InvalidSender,
    MailError,
    OutcomeUnknown,
    PalEMailError,
    RateLimited,
    ReauthRequired,
    SearchTooSlow,
    SenderBlocked,
    SenderExists,
    SenderNotFound,
    TemporaryFailure,
)


class ExitCode(IntEnum):
    """The codes in use."""

    #: Success.
    DONE = 0
    #: `check` found a sender that cannot send.
    CANNOT_SEND = 1
    #: The command line is wrong: a flag, an address, a file that cannot be read (EX_USAGE).
    USAGE = 64
    #: The message, or the content of a file, is refused (EX_DATAERR).
    REJECTED = 65
    #: No delivery has that id (EX_NOINPUT).
    NO_DELIVERY = 66
    #: No sender has that alias (EX_NOUSER).
    NO_SENDER = 67
    #: The message may have been sent; a person decides (EX_UNAVAILABLE).
    UNKNOWN = 69
    #: Any other error (EX_SOFTWARE).
    OTHER = 70
    #: The alias is taken (EX_CANTCREAT).
    EXISTS = 73
    #: Trying again later is safe and may work (EX_TEMPFAIL).
    TRY_LATER = 75
    #: Google refuses the grant or the account (EX_NOPERM).
    REFUSED = 77
    #: A setting, the OAuth client or the Google project is at fault (EX_CONFIG).
    CONFIGURATION = 78


_BY_ERROR: dict[type, ExitCode] = {
    ConfigurationError: ExitCode.CONFIGURATION,
    InvalidMessage: ExitCode.USAGE,
    InvalidSender: ExitCode.USAGE,
    InvalidAlertChannel: ExitCode.USAGE,
    SenderExists: ExitCode.EXISTS,
    SenderNotFound: ExitCode.NO_SENDER,
    DeliveryNotFound: ExitCode.NO_DELIVERY,
    DeliveryNotSettleable: ExitCode.REJECTED,
    AuthorizationError: ExitCode.REFUSED,
    ReauthRequired: ExitCode.REFUSED,
    SenderBlocked: ExitCode.REFUSED,
    RateLimited: ExitCode.TRY_LATER,
    SearchTooSlow: ExitCode.TRY_LATER,
    TemporaryFailure: ExitCode.TRY_LATER,
    OutcomeUnknown: ExitCode.UNKNOWN,
    # MessageRejected and DeliveryDiscarded: this message will not go out.
    MailError: ExitCode.REJECTED,
    PalEMailError: ExitCode.OTHER,
}


#: For these the fault is in their content, such as its size, and not in the command line.
_CONTENT = frozenset({"text", "html", "attachments", "inline", "credentials_json"})


def exit_code(error: PalEMailError) -> ExitCode:
    """Return the exit code of an error: that of its class, or of the nearest base class."""
    if isinstance(error, InvalidMessage | InvalidSender) and error.field in _CONTENT:
        return ExitCode.REJECTED
    return next(_BY_ERROR[kind] for kind in type(error).__mro__ if kind in _BY_ERROR)

"""What can go wrong, as types that a caller can act on.

.. code-block:: text

    PalEMailError
    ├── ConfigurationError           the deployment is at fault, not a sender
    ├── InvalidSender                a field of a sender is invalid
    ├── SenderExists
    ├── SenderNotFound
    ├── DeliveryNotFound
    ├── DeliveryNotSettleable        its outcome is known, or it is being sent
    ├── SearchTooSlow                a search did not end in time
    ├── NotAdmitted                  a proxy's token for the admin page is not accepted
    ├── AuthorizationError           a re-auth was refused; the old grant is unchanged
    │   ├── LinkInvalid              state or ticket unknown
    │   ├── LinkExpired
    │   ├── LinkUsed
    │   ├── ConsentDenied
    │   ├── PermissionMissing
    │   ├── WrongAccount
    │   ├── IdentityMissing
    │   ├── RefreshTokenMissing
    │   └── ExchangeFailed
    └── MailError                    a message did not go out as asked
        ├── InvalidMessage           invalid input, found before anything is sent
        ├── ReauthRequired
        ├── SenderBlocked
        ├── RateLimited
        ├── TemporaryFailure
        │   └── DatabaseUnavailable
        ├── OutcomeUnknown
        ├── DeliveryDiscarded
        └── MessageRejected

``message`` says what is wrong and with which sender, ``remedy`` what to do about it. Details
are in attributes: handlers read fields, not strings.
"""

import copyreg
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(eq=False, repr=False)
class PalEMailError(Exception):
    """Anything that pal-e-mail raises on purpose.

    Its text is the message followed by the remedy. Where there is a better way to fix it, such
    as a button on a page, that is shown instead of ``remedy``.

    Attributes:
        code: a stable machine-readable name, such as ``"reauth_required"``.
        message: what is wrong, and with which sender; full sentences.
        remedy: what to do about it, for someone at a shell; None if the message says it all.
        alias: the sender affected, or None if it isn't a single one.
        authorization_id: the re-auth that the error ended, or None.
    """

    code: ClassVar[str] = "error"

    message: str
    _: KW_ONLY
    remedy: str | None = None
    alias: str | None = None
    authorization_id: str | None = None

    def __str__(self) -> str:
        """Return the message followed by the remedy."""
        return self.message if self.remedy is None else f"{self.message} {self.remedy}"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle every attribute: by default, only the message would be."""
        return copyreg.__newobj__, (type(self), self.message), self.__dict__  # type: ignore[attr-defined]


class ConfigurationError(PalEMailError):
    """A setting, the OAuth client or the Google project is at fault.

    No sender is at fault: none changes its status, and re-authorising doesn't help.
    """

    code = "configuration"


@dataclass(eq=False, repr=False, kw_only=True)
class InvalidSender(PalEMailError, ValueError):
    """A field of a sender is invalid; nothing was stored.

    Attributes:
        field: the argument's name.
    """

    code = "invalid_sender"

    field: str


class InvalidAlertChannel(PalEMailError, ValueError):
    """A channel for alerts cannot be used, or is not there; nothing was changed."""

    code = "invalid_alert_channel"


class SenderExists(PalEMailError):
    """The alias is taken."""

    code = "sender_exists"


class SenderNotFound(PalEMailError, LookupError):
    """No sender has that alias."""

    code = "sender_not_found"


class DeliveryNotFound(PalEMailError, LookupError):
    """No delivery has that id."""

    code = "delivery_not_found"


class DeliveryNotSettleable(PalEMailError):
    """The delivery has a final outcome or is still being sent: there is nothing to decide."""

    code = "delivery_not_settleable"


class SearchTooSlow(PalEMailError):
    """A search through the log of deliveries did not end in time."""

    code = "search_too_slow"


class NotAdmitted(PalEMailError):
    """The proxy's token, which says who is using the admin page, is not accepted."""

    code = "not_admitted"


class AuthorizationError(PalEMailError):
    """A re-auth was refused. The sender's old grant, if any, is untouched."""

    code = "authorization_refused"


class LinkInvalid(AuthorizationError):
    """The link's state or ticket was never issued."""

    code = "link_invalid"


class LinkExpired(AuthorizationError):
    """The link was not followed in time."""

    code = "link_expired"


class LinkUsed(AuthorizationError):
    """The link was followed before; each works once."""

    code = "link_used"


@dataclass(eq=False, repr=False, kw_only=True)
class ConsentDenied(AuthorizationError):
    """The person pressed Cancel, or Google refused on their behalf.

    Attributes:
        google_error: Google's error code, such as ``access_denied``.
    """

    code = "consent_denied"

    google_error: str


@dataclass(eq=False, repr=False, kw_only=True)
class PermissionMissing(AuthorizationError):
    """A required permission was left unticked on the consent screen.

    Attributes:
        missing: the scopes in their full URL form.
    """

    code = "permission_missing"

    missing: frozenset[str]


@dataclass(eq=False, repr=False, kw_only=True)
class WrongAccount(AuthorizationError):
    """A Google account other than the sender's consented.

    Attributes:
        expected: the sender's account.
        actual: the account that consented.
    """

    code = "wrong_account"

    expected: str
    actual: str


class IdentityMissing(AuthorizationError):
    """Google's response does not prove whose mailbox it is for."""

    code = "identity_missing"


class RefreshTokenMissing(AuthorizationError):
    """Google sent no refresh token, and none is stored for that account."""

    code = "refresh_token_missing"


@dataclass(eq=False, repr=False, kw_only=True)
class ExchangeFailed(AuthorizationError):
    """Google's token endpoint could not be reached, or answered with an error.

    Attributes:
        temporary: whether trying again soon is likely to work.
    """

    code = "exchange_failed"

    temporary: bool


@dataclass(eq=False, repr=False, kw_only=True)
class MailError(PalEMailError):
    """A message did not go out as asked.

    Attributes:
        delivery_id: the recorded delivery's id, or None if nothing was recorded.
    """

    code = "mail_error"

    delivery_id: str | None = None


@dataclass(eq=False, repr=False, kw_only=True)
class InvalidMessage(MailError, ValueError):
    """An argument is invalid. Nothing was sent or recorded.

    Attributes:
        field: the argument's name, such as ``"to"`` or ``"attachments"``.
    """

    code = "invalid_message"

    field: str


@dataclass(eq=False, repr=False, kw_only=True)
class ReauthRequired(MailError):
    """Google refuses the sender's grant; a re-auth fixes it.

    Attributes:
        admin_url: the page on which to re-authorise.
    """

    code = "reauth_required"

    admin_url: str | None = None


class SenderBlocked(MailError):
    """Google refuses the account for a reason that a re-auth does not fix."""

    code = "sender_blocked"


@dataclass(eq=False, repr=False, kw_only=True)
class RateLimited(MailError):
    """Google asks this sender to slow down.

    Attributes:
        retry_after: seconds to wait from now, or None if Google named no time.
        retry_at: the same as a point in time, aware UTC.
    """

    code = "rate_limited"

    retry_after: float | None = None
    retry_at: datetime | None = None


class TemporaryFailure(MailError):
    """The message did not reach Gmail. Trying again later is safe."""

    code = "temporary_failure"


class DatabaseUnavailable(TemporaryFailure):
    """Postgres cannot be reached. Nothing was sent."""

    code = "database_unavailable"


class OutcomeUnknown(MailError):
    """The message may have been sent; there is no way to tell from here.

    It is never sent again automatically; a person decides
    (``pal-e-mail deliveries arrived|retry|discard``).
    """

    code = "outcome_unknown"


class DeliveryDiscarded(MailError):
    """A person discarded the delivery with this idempotency key."""

    code = "delivery_discarded"


class MessageRejected(MailError):
    """Gmail refuses this message, and would refuse it again."""

    code = "message_rejected"

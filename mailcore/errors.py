"""What can go wrong, as types that a caller can act on.

.. code-block:: text

    PalEMailError
    ├── ConfigurationError           the deployment is at fault; no sender is
    ├── InvalidSender                a field of a registration is unusable
    ├── SenderExists
    ├── SenderNotFound
    ├── DeliveryNotFound
    ├── DeliveryNotSettleable        the delivery's outcome is no open question
    ├── AuthorizationError           a re-auth was refused; the old grant still stands
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
        ├── InvalidMessage           bad input, found before any network
        ├── ReauthRequired
        ├── SenderBlocked
        ├── RateLimited
        ├── TemporaryFailure
        │   └── DatabaseUnavailable
        ├── OutcomeUnknown
        ├── DeliveryDiscarded
        └── MessageRejected

``message`` says what is wrong and with which sender, ``remedy`` what to do about it. Evidence
is in attributes: handlers read fields, not strings.
"""

from datetime import datetime
from typing import ClassVar


class PalEMailError(Exception):
    """Anything that pal-e-mail raises on purpose.

    As text it is the message followed by the remedy. A face that has a way out of its own,
    such as a button, shows ``message`` and puts that way in the remedy's place.

    Attributes:
        code: a stable machine-readable name, such as ``"reauth_required"``.
        message: what is wrong, and with which sender; whole sentences.
        remedy: what to do about it, for someone at a shell; None where the message says all.
        alias: the sender concerned, or None where no single one is.
        authorization_id: the re-auth that it ended, or None where it ended none.
    """

    code: ClassVar[str] = "error"
    authorization_id: str | None = None

    def __init__(
        self, message: str, *, remedy: str | None = None, alias: str | None = None
    ) -> None:
        super().__init__(message if remedy is None else f"{message} {remedy}")
        self.message = message
        self.remedy = remedy
        self.alias = alias


class ConfigurationError(PalEMailError):
    """A setting, the OAuth client or the Google project is at fault.

    No sender is: none changes its status, and re-authorising would not help.
    """

    code = "configuration"


class InvalidSender(PalEMailError, ValueError):
    """A field of a registration is unusable; nothing was stored.

    Attributes:
        field: the argument's name.
    """

    code = "invalid_sender"

    def __init__(
        self, message: str, *, field: str, remedy: str | None = None, alias: str | None = None
    ) -> None:
        super().__init__(message, remedy=remedy, alias=alias)
        self.field = field


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
    """The delivery has a final outcome, or is still under way: nothing to decide."""

    code = "delivery_not_settleable"


class AuthorizationError(PalEMailError):
    """A re-auth was refused. The sender's old grant, if any, is untouched."""

    code = "authorization_refused"


class LinkInvalid(AuthorizationError):
    """The link's state or ticket is not one that was handed out."""

    code = "link_invalid"


class LinkExpired(AuthorizationError):
    """The link was not followed in time."""

    code = "link_expired"


class LinkUsed(AuthorizationError):
    """The link was followed before; each works once."""

    code = "link_used"


class ConsentDenied(AuthorizationError):
    """The person pressed Cancel, or Google refused on their behalf.

    Attributes:
        google_error: Google's error code, such as ``access_denied``.
    """

    code = "consent_denied"

    def __init__(
        self,
        message: str,
        *,
        remedy: str | None = None,
        alias: str | None = None,
        google_error: str,
    ) -> None:
        super().__init__(message, remedy=remedy, alias=alias)
        self.google_error = google_error


class PermissionMissing(AuthorizationError):
    """A permission that is needed was left unticked on the consent screen.

    Attributes:
        missing: the scopes in their full URL form.
    """

    code = "permission_missing"

    def __init__(
        self, message: str, *, remedy: str | None = None, alias: str | None, missing: frozenset[str]
    ) -> None:
        super().__init__(message, remedy=remedy, alias=alias)
        self.missing = missing


class WrongAccount(AuthorizationError):
    """Another Google account consented than the sender's.

    Attributes:
        expected: the sender's account.
        actual: the account that consented.
    """

    code = "wrong_account"

    def __init__(
        self,
        message: str,
        *,
        remedy: str | None = None,
        alias: str | None,
        expected: str,
        actual: str,
    ) -> None:
        super().__init__(message, remedy=remedy, alias=alias)
        self.expected = expected
        self.actual = actual


class IdentityMissing(AuthorizationError):
    """Google's answer does not prove whose mailbox it is for."""

    code = "identity_missing"


class RefreshTokenMissing(AuthorizationError):
    """Google sent no refresh token, and none is stored for that account."""

    code = "refresh_token_missing"


class ExchangeFailed(AuthorizationError):
    """Google's token endpoint could not be reached, or answered with an error.

    Attributes:
        temporary: True where trying again soon is likely to work.
    """

    code = "exchange_failed"

    def __init__(
        self, message: str, *, remedy: str | None = None, alias: str | None = None, temporary: bool
    ) -> None:
        super().__init__(message, remedy=remedy, alias=alias)
        self.temporary = temporary


class MailError(PalEMailError):
    """A message did not go out as asked.

    Attributes:
        delivery_id: the recorded delivery's id, or None where none was recorded.
    """

    code = "mail_error"

    def __init__(
        self,
        message: str,
        *,
        remedy: str | None = None,
        alias: str | None = None,
        delivery_id: str | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy, alias=alias)
        self.delivery_id = delivery_id


class InvalidMessage(MailError, ValueError):
    """An argument is unusable. Found before any network; nothing was recorded.

    Attributes:
        field: the argument's name, such as ``"to"`` or ``"attachments"``.
    """

    code = "invalid_message"

    def __init__(
        self, message: str, *, field: str, remedy: str | None = None, alias: str | None = None
    ) -> None:
        super().__init__(message, remedy=remedy, alias=alias)
        self.field = field


class ReauthRequired(MailError):
    """Google refuses the sender's grant; a re-auth mends it.

    Attributes:
        admin_url: the page on which to re-authorise.
    """

    code = "reauth_required"

    def __init__(
        self,
        message: str,
        *,
        remedy: str | None = None,
        alias: str | None = None,
        delivery_id: str | None = None,
        admin_url: str | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy, alias=alias, delivery_id=delivery_id)
        self.admin_url = admin_url


class SenderBlocked(MailError):
    """Google refuses the account for a reason that a re-auth does not mend."""

    code = "sender_blocked"


class RateLimited(MailError):
    """Google asks this sender to slow down.

    Attributes:
        retry_after: seconds to wait from now, or None where Google named no time.
        retry_at: the same as a moment, aware UTC.
    """

    code = "rate_limited"

    def __init__(
        self,
        message: str,
        *,
        remedy: str | None = None,
        alias: str | None = None,
        delivery_id: str | None = None,
        retry_after: float | None = None,
        retry_at: datetime | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy, alias=alias, delivery_id=delivery_id)
        self.retry_after = retry_after
        self.retry_at = retry_at


class TemporaryFailure(MailError):
    """The message did not reach Gmail. Trying again later is safe."""

    code = "temporary_failure"


class DatabaseUnavailable(TemporaryFailure):
    """Postgres cannot be reached. Nothing was sent."""

    code = "database_unavailable"


class OutcomeUnknown(MailError):
    """The message may have been sent; nobody can tell from here.

    It is never repeated by itself: a person decides
    (``pal-e-mail deliveries retry|discard``).
    """

    code = "outcome_unknown"


class DeliveryDiscarded(MailError):
    """A person settled this idempotency key's delivery as not to be sent."""

    code = "delivery_discarded"


class MessageRejected(MailError):
    """Gmail refuses this message; sending it again would be refused again."""

    code = "message_rejected"

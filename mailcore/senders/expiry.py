"""Why a grant ended, judging by its dates and Google's last error."""

from datetime import timedelta
from enum import StrEnum

from mailcore.google.error_mapping import OTHER_CLIENT
from mailcore.status import SenderStatus
from mailcore.values.senders import Sender

#: While a Google Cloud project is in Testing, Google ends every grant after this time:
#: https://developers.google.com/identity/protocols/oauth2#expiration
TESTING_LIFETIME = timedelta(days=7)
#: Google's stated lifetime may be off by this much from the moment when the grant was stored.
_LIFETIME_TOLERANCE = timedelta(hours=1)
#: A refused grant is noticed by the next send or check, seldom at once.
_NOTICED_WITHIN = timedelta(days=1)


class ExpiryCause(StrEnum):
    """The likely reason why Google refuses a grant."""

    #: Google said that the grant doesn't allow sending.
    PERMISSION_MISSING = "permission_missing"
    #: The grant reached the 7-day limit of projects in Testing.
    TESTING_LIMIT = "testing_limit"
    #: The grant belongs to another OAuth client than the current one.
    OTHER_CLIENT = "other_client"
    #: The password was changed, or access was revoked.
    REVOKED = "revoked"


def expiry_cause(sender: Sender) -> ExpiryCause | None:
    """Return the likely reason why a sender expired, or None if it hasn't expired.

    Args:
        sender: as `SenderRegistry.get` and `SenderRegistry.page` return it.
    """
    if sender.status is not SenderStatus.EXPIRED:
        return None
    if sender.last_error_code == "scope_missing":  # Google said so; the age is only a hint
        return ExpiryCause.PERMISSION_MISSING
    if sender.last_error_code == OTHER_CLIENT:
        return ExpiryCause.OTHER_CLIENT
    if _reached_testing_limit(sender):
        return ExpiryCause.TESTING_LIMIT
    return ExpiryCause.REVOKED


def has_testing_lifetime(sender: Sender) -> bool:
    """Say whether the sender's grant was given for the 7 days of a project in Testing."""
    if sender.grant_issued_at is None or sender.grant_expires_at is None:
        return False
    lifetime = sender.grant_expires_at - sender.grant_issued_at
    return abs(lifetime - TESTING_LIFETIME) < _LIFETIME_TOLERANCE


def _reached_testing_limit(sender: Sender) -> bool:
    if sender.grant_issued_at is None:
        return False
    if sender.grant_expires_at is not None:
        return has_testing_lifetime(sender) and sender.status_changed_at >= sender.grant_expires_at
    # Google named no expiry date: the grant's age when the refusal was noticed has to tell.
    age = sender.status_changed_at - sender.grant_issued_at
    return TESTING_LIFETIME <= age <= TESTING_LIFETIME + _NOTICED_WITHIN

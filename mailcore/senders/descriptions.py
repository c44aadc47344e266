"""Senders, their history and refused re-auths in words, the same in every front end."""

from datetime import datetime, timedelta

from mailcore.errors import (
    ConfigurationError,
    ConsentDenied,
    ExchangeFailed,
    IdentityMissing,
    PermissionMissing,
    RefreshTokenMissing,
    WrongAccount,
)
from mailcore.google.scopes import DRAFT_SCOPES
from mailcore.senders.expiry import ExpiryCause, expiry_cause
from mailcore.status import SenderStatus
from mailcore.values.senders import AuditEvent, Revocation, Sender

_CAUSES = {
    ExpiryCause.PERMISSION_MISSING: "permission to send is missing",
    ExpiryCause.TESTING_LIMIT: "7-day limit reached (project in Testing)",
    ExpiryCause.OTHER_CLIENT: "granted to another OAuth client",
    ExpiryCause.REVOKED: "password probably changed, or access revoked",
}

_EVENTS = {
    AuditEvent.REGISTERED: "Added",
    AuditEvent.IMPORTED: "Imported from a token file",
    AuditEvent.REAUTHORIZED: "Re-authorised",
    AuditEvent.REAUTH_REFUSED: "Re-auth failed",
    AuditEvent.ACCOUNT_OFFERED: "Account waiting to be confirmed",
    AuditEvent.ACCOUNT_REJECTED: "Account rejected",
    AuditEvent.TICKET_ISSUED: "Link created for the mailbox owner",
    AuditEvent.HEALTHY: "Working again",
    AuditEvent.EXPIRED: "Google refused the grant",
    AuditEvent.BLOCKED: "Google refused the account",
    AuditEvent.CHANGED: "Edited",
    AuditEvent.CLIENT_CHANGED: "OAuth client changed",
    AuditEvent.DELIVERY_RETRIED: "Message sent again",
    AuditEvent.DELIVERY_DISCARDED: "Message discarded",
    AuditEvent.DELIVERY_ARRIVED: "Message settled as arrived",
    AuditEvent.DELIVERIES_HELD: "Messages held",
    AuditEvent.DELIVERIES_RELEASED: "Messages released",
    AuditEvent.DELIVERIES_DISCARDED: "Messages discarded",
    AuditEvent.PAUSED: "Queue paused",
    AuditEvent.RESUMED: "Queue resumed",
    AuditEvent.LIMITS_CHANGED: "Sending limits changed",
    AuditEvent.DELETED: "Deleted",
    AuditEvent.GRANT_KEPT: "Grant kept at Google",
    AuditEvent.GRANT_REVOKED: "Grant revoked at Google",
    AuditEvent.GRANT_NOT_REVOKED: "Grant could not be revoked at Google",
}

_AFTER_REFUSED_REAUTH = {
    ConsentDenied.code: "Try again, and click Continue on Google's page.",
    PermissionMissing.code: "Try again, and leave every box ticked on Google's page.",
    WrongAccount.code: "Try again with the right account.",
    IdentityMissing.code: "Try again. If it keeps happening, an admin should run the checks on the "
    "Setup page.",
    RefreshTokenMissing.code: "Sign in to myaccount.google.com/connections with the sender's "
    "account, remove this app there, then try again.",
    ExchangeFailed.code: "Wait a minute, then try again.",
    ConfigurationError.code: "An admin has to fix the setup first: the checks on the Setup page "
    "say how.",
}

_REVOCATIONS = {
    Revocation.REVOKED: "Its grant was revoked at Google.",
    Revocation.FAILED: "Its grant could not be revoked. Remove this app's access on "
    "myaccount.google.com/connections.",
    Revocation.KEPT: "Its grant at Google was kept.",
    Revocation.SHARED: "Its grant at Google was kept: another sender uses the same account.",
    Revocation.NO_GRANT: None,
}

_HOURS_IN_TWO_DAYS = 48
_MINUTES_IN_AN_HOUR = 60


def describe_grant(sender: Sender, at: datetime) -> str:
    """Return one line on the state of a sender's grant, such as ``"expires in 34 h"``.

    Args:
        sender: whose grant.
        at: the current time, aware.
    """
    match sender.status:
        case SenderStatus.PENDING:
            return "never authorised"
        case SenderStatus.BLOCKED:
            return f"blocked {describe_age(sender.status_changed_at, at)}: account refused"
        case SenderStatus.EXPIRED:
            cause = _CAUSES[expiry_cause(sender) or ExpiryCause.REVOKED]
            return f"expired {describe_age(sender.status_changed_at, at)}: {cause}"
        case SenderStatus.HEALTHY:
            if sender.service_account:
                return "no expiry: service account"
            if sender.grant_expires_at is None:
                return "no expiry date"
            if sender.grant_expires_at <= at:
                return f"expected to expire {describe_age(sender.grant_expires_at, at)}"
            return f"expires in {describe_duration(sender.grant_expires_at - at)}"


def describe_event(what: str) -> str:
    """Return the title of an entry in the audit trail.

    Args:
        what: as in `SenderEvent.what`. A word that only a newer version knows is returned as
            it is.
    """
    try:
        return _EVENTS[AuditEvent(what)]
    except ValueError:
        return what


def describe_next_step(code: str | None) -> str:
    """Return what to do after a re-auth was refused, for whoever was on Google's page.

    Args:
        code: as in `AuthorizationProgress.code`.
    """
    return _AFTER_REFUSED_REAUTH.get(code or "", "Start again.")


def describe_revocation(revocation: Revocation) -> str | None:
    """Return a sentence on what became of a deleted sender's grant; None if there was none.

    Args:
        revocation: as in `Deleted.grant`.
    """
    return _REVOCATIONS[revocation]


def describe_messages(count: int) -> str:
    """Return how many messages: ``"1 message"``, ``"2 messages"``."""
    return "1 message" if count == 1 else f"{count} messages"


def describe_duration(length: timedelta) -> str:
    """Return a length of time in one unit, rounded as people do: ``"3 d"``.

    Anything under two days is given in hours: somebody who plans has to know which half of
    tomorrow is meant.
    """
    minutes, hours = round(length / timedelta(minutes=1)), round(length / timedelta(hours=1))
    if hours >= _HOURS_IN_TWO_DAYS:
        return f"{round(length / timedelta(days=1))} d"
    if minutes >= _MINUTES_IN_AN_HOUR:
        return f"{hours} h"
    if length >= timedelta(minutes=1):
        return f"{minutes} min"
    return "less than 1 min"


def describe_age(moment: datetime, at: datetime) -> str:
    """Return how long ago a moment was: ``"2 h ago"``, or ``"just now"``.

    Args:
        moment: in the past, aware.
        at: the current time, aware.
    """
    length = at - moment
    return "just now" if length < timedelta(minutes=1) else f"{describe_duration(length)} ago"


def describe_drafts(sender: Sender) -> str:
    """Say in a few words whether a sender sends its mail as drafts."""
    if not sender.use_drafts:
        return "messages, not drafts"
    if DRAFT_SCOPES.isdisjoint(sender.granted_scopes):
        if sender.service_account:
            return "drafts once its key is given again"
        return "drafts from its next re-auth on"
    return "drafts"

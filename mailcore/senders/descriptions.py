"""Senders and their history in plain words, the same on the admin page and the command line."""

from datetime import datetime, timedelta

from mailcore.senders.expiry import ExpiryCause, expiry_cause
from mailcore.status import SenderStatus
from mailcore.values.senders import Revocation, Sender

_CAUSES = {
    ExpiryCause.PERMISSION_MISSING: "permission to send is missing",
    ExpiryCause.TESTING_LIMIT: "7-day limit reached (project in Testing)",
    ExpiryCause.OTHER_CLIENT: "granted to another OAuth client",
    ExpiryCause.REVOKED: "password changed or access revoked",
}

_EVENTS = {
    "registered": "Added",
    "imported": "Imported from a token file",
    "reauthorized": "Re-authorised",
    "reauth refused": "Re-auth failed",
    "account offered": "An account was brought, and waits to be confirmed",
    "account rejected": "The account that was brought was rejected",
    "ticket issued": "Link created for the mailbox owner",
    "healthy": "Working again",
    "expired": "Google refused the grant",
    "blocked": "Google refused the account",
    "changed": "Edited",
    "client changed": "OAuth client changed",
    "delivery retried": "Message sent again",
    "delivery discarded": "Message discarded",
    "deleted": "Deleted",
    "grant kept": "Grant kept at Google",
    "grant revoked": "Grant revoked at Google",
    "grant not revoked": "Grant could not be revoked at Google",
}

_REVOCATIONS = {
    Revocation.REVOKED: "Its grant was revoked at Google.",
    Revocation.FAILED: "Its grant could not be revoked. Remove this app's access on "
    "myaccount.google.com/permissions.",
    Revocation.KEPT: "Its grant at Google was kept.",
    Revocation.SHARED: "Its grant at Google was kept: another sender uses the same account.",
    Revocation.NO_GRANT: None,
}


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
            if sender.grant_expires_at is None:
                return "no expiry date"
            if sender.grant_expires_at <= at:
                return f"expected to expire {describe_age(sender.grant_expires_at, at)}"
            return f"expires in {describe_duration(sender.grant_expires_at - at)}"


def describe_event(what: str) -> str:
    """Return the title of an entry in the audit trail.

    Args:
        what: as in `SenderEvent.what`.
    """
    return _EVENTS.get(what, what.capitalize())


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
    """Return a length of time in one unit, rounded down: ``"3 d"``.

    Anything under two days is given in hours: somebody who plans has to know which half of
    tomorrow is meant.
    """
    if length >= timedelta(days=2):
        return f"{length // timedelta(days=1)} d"
    if length >= timedelta(hours=1):
        return f"{length // timedelta(hours=1)} h"
    if length >= timedelta(minutes=1):
        return f"{length // timedelta(minutes=1)} min"
    return "less than 1 min"


def describe_age(moment: datetime, at: datetime) -> str:
    """Return how long ago a moment was: ``"2 h ago"``, or ``"just now"``.

    Args:
        moment: in the past, aware.
        at: the current time, aware.
    """
    length = at - moment
    return "just now" if length < timedelta(minutes=1) else f"{describe_duration(length)} ago"

"""What is true about a sender, in words that a person reads. Pure functions."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Literal

from admin_ui import markup
from mailcore import DeliveryStatus, Sender, SenderStatus

Color = Literal["green", "orange", "red", "violet", "gray", "blue"]

#: While a Google Cloud project is in Testing, Google ends every grant after this time:
#: https://developers.google.com/identity/protocols/oauth2#expiration
TESTING_LIFE = timedelta(days=7)
#: A refused grant is noticed by the next send or check, seldom at once.
NOTICED_WITHIN = timedelta(days=1)

LEAVE_TESTING = (
    "Google ends a grant after 7 days while the Google Cloud project is in *Testing*. To end "
    "that: Google's console → Google Auth Platform → Audience → **Publish app**, then "
    "re-authorise each sender once more."
)


@dataclass(frozen=True, slots=True)
class Badge:
    """A state as a word, with an icon and a colour that say the same."""

    word: str
    icon: str
    color: Color


_SENDER_BADGES = {
    SenderStatus.PENDING: Badge("Pending", ":material/hourglass_empty:", "gray"),
    SenderStatus.HEALTHY: Badge("Healthy", ":material/check_circle:", "green"),
    SenderStatus.EXPIRED: Badge("Expired", ":material/error:", "red"),
    SenderStatus.BLOCKED: Badge("Blocked", ":material/block:", "violet"),
}
EXPIRING = Badge("Expiring", ":material/schedule:", "orange")

_DELIVERY_BADGES = {
    DeliveryStatus.QUEUED: Badge("Queued", ":material/schedule_send:", "blue"),
    DeliveryStatus.HELD: Badge("Held", ":material/pause_circle:", "orange"),
    DeliveryStatus.SENDING: Badge("Sending", ":material/send:", "blue"),
    DeliveryStatus.SENT: Badge("Sent", ":material/check_circle:", "green"),
    DeliveryStatus.FAILED: Badge("Failed", ":material/error:", "red"),
    DeliveryStatus.UNKNOWN: Badge("Unknown", ":material/help:", "violet"),
    DeliveryStatus.LAPSED: Badge("Lapsed", ":material/timer_off:", "gray"),
    DeliveryStatus.DISCARDED: Badge("Discarded", ":material/delete:", "gray"),
}

_EVENTS = {
    "reauthorized": "Re-authorised",
    "healthy": "Working again: Gmail took a mail",
    "expired": "Google refused the grant",
    "blocked": "Google refused the account",
    "changed": "Edited",
    "client changed": "OAuth client changed",
    "ticket issued": "Link for the mailbox's owner made",
    "reauth refused": "Re-auth refused",
}

_SCOPES = {
    "openid": "prove which account it is",
    "email": "see the account's address",
    "https://www.googleapis.com/auth/userinfo.email": "see the account's address",
    "https://www.googleapis.com/auth/userinfo.profile": "see the account's name",
    "https://www.googleapis.com/auth/gmail.send": "send mail",
    "https://www.googleapis.com/auth/gmail.modify": "read, write and send mail",
    "https://www.googleapis.com/auth/gmail.readonly": "read mail",
    "https://www.googleapis.com/auth/gmail.compose": "write drafts and send mail",
    "https://mail.google.com/": "everything in the mailbox",
}


def sender_badge(sender: Sender) -> Badge:
    """Return the badge of a sender; *expiring* stands in for *healthy*."""
    return EXPIRING if sender.expiring else _SENDER_BADGES[sender.status]


def status_badge(status: SenderStatus) -> Badge:
    """Return the badge of a state as such."""
    return _SENDER_BADGES[status]


def delivery_badge(status: DeliveryStatus) -> Badge:
    """Return the badge of a delivery's outcome."""
    return _DELIVERY_BADGES[status]


def needs_person(sender: Sender) -> bool:
    """Say whether a sender waits for somebody to do something."""
    return sender.expiring or sender.status is not SenderStatus.HEALTHY


def renewable(sender: Sender) -> bool:
    """Say whether a re-auth is what the sender needs, now or soon."""
    return needs_person(sender) and sender.status is not SenderStatus.BLOCKED


def countdown(sender: Sender, now: datetime) -> str:
    """Say in a line how the sender's grant stands, and the likely cause if it is gone."""
    match sender.status:
        case SenderStatus.PENDING:
            return "never authorised"
        case SenderStatus.BLOCKED:
            return f"blocked {ago(sender.status_changed_at, now)}: Google refuses the account"
        case SenderStatus.EXPIRED:
            return f"expired {ago(sender.status_changed_at, now)}: {_cause_of_expiry(sender)}"
        case SenderStatus.HEALTHY:
            if sender.grant_expires_at is None:
                return "no end known"
            if sender.grant_expires_at <= now:
                return f"ended {ago(sender.grant_expires_at, now)} by Google's announcement"
            return f"expires in {span(sender.grant_expires_at - now)}"


def remedy(sender: Sender) -> str | None:
    """Return what to do about a sender, in Markdown, or None where nothing is to be done."""
    match sender.status:
        case SenderStatus.PENDING:
            return "Authorise it once, and jobs can send through it."
        case SenderStatus.BLOCKED:
            return markup.escaped(sender.status_reason or "Google refuses this account.")
        case SenderStatus.EXPIRED if _lacks_permission(sender):
            return (
                "Its grant lacks a permission that sending needs: a box was left unticked at "
                "Google. Re-authorise it, and tick every box; mail that waits then goes out by "
                "itself."
            )
        case SenderStatus.EXPIRED if ended_by_testing(sender):
            return LEAVE_TESTING
        case SenderStatus.EXPIRED:
            return (
                "The likely cause is a changed password, or access that was revoked in the "
                "account's settings. Re-authorise it; mail that waits then goes out by itself."
            )
        case SenderStatus.HEALTHY if sender.expiring and _lives_for_a_week(sender):
            return LEAVE_TESTING
        case SenderStatus.HEALTHY:
            return None


def ended_by_testing(sender: Sender) -> bool:
    """Say whether the grant died at the age at which grants of projects in Testing die.

    Google announces the end of such a grant when it is given. For one whose end was not
    recorded, the age at which its death was noticed has to tell.
    """
    if sender.grant_issued_at is None:
        return False
    if sender.grant_expires_at is not None:
        return _lives_for_a_week(sender) and sender.status_changed_at >= sender.grant_expires_at
    age = sender.status_changed_at - sender.grant_issued_at
    return TESTING_LIFE <= age <= TESTING_LIFE + NOTICED_WITHIN


def _lives_for_a_week(sender: Sender) -> bool:
    if sender.grant_issued_at is None or sender.grant_expires_at is None:
        return False
    life = sender.grant_expires_at - sender.grant_issued_at
    return abs(life - TESTING_LIFE) < timedelta(hours=1)


def _lacks_permission(sender: Sender) -> bool:
    return sender.last_error_code == "scope_missing"


def _cause_of_expiry(sender: Sender) -> str:
    if _lacks_permission(sender):  # Google said so; the age is only a sign
        return "permission to send is missing"
    if ended_by_testing(sender):
        return "7 days are over (project in Testing)"
    return "password changed or access revoked"


def span(length: timedelta) -> str:
    """Return a length of time in one unit, rounded down: ``"3 d"``.

    Two days and less are told in hours: a person who plans needs to know which half of
    tomorrow is meant.
    """
    if length >= timedelta(days=2):
        return f"{length // timedelta(days=1)} d"
    if length >= timedelta(hours=1):
        return f"{length // timedelta(hours=1)} h"
    if length >= timedelta(minutes=1):
        return f"{length // timedelta(minutes=1)} min"
    return "less than 1 min"


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago a moment was: ``"2 h ago"``."""
    length = now - moment
    return "just now" if length < timedelta(minutes=1) else f"{span(length)} ago"


def last_sent(sender: Sender, now: datetime) -> str:
    """Say when the sender last sent."""
    if sender.last_sent_at is None:
        return "nothing sent yet"
    return f"last sent {ago(sender.last_sent_at, now)}"


def held(count: int) -> str:
    """Say how much mail waits for a re-auth."""
    return f"{count} mail held" if count == 1 else f"{count} mails held"


def undecided(count: int) -> str:
    """Say how much mail of unknown outcome waits for a person's decision."""
    return f"{count} mail to decide" if count == 1 else f"{count} mails to decide"


def first_sentence(text: str) -> str:
    """Return what an error's text says is wrong, without what to do about it.

    What Google said stands in brackets, and may be sentences of its own.
    """
    found = re.match(r"(?:\([^()]*\)|[^(])*?[.!?](?=\s+[A-Z])", text)
    return found[0] if found else text


def moment(at: datetime, zone: tzinfo) -> str:
    """Return a moment as a person writes it, in the reader's time zone."""
    return at.astimezone(zone).strftime("%d %b %Y, %H:%M")


def event(what: str) -> str:
    """Return what an event of the audit trail is called on the page."""
    return _EVENTS.get(what, what.capitalize())


def scope(url: str) -> str:
    """Return what a scope allows."""
    return _SCOPES.get(url, url)

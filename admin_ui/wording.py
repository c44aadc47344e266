"""Badges and sentences about senders and messages. Pure functions."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal

from admin_ui import queue_wording
from mailcore import (
    DeliveryStatus,
    ExpiryCause,
    Sender,
    SenderStatus,
    describe_age,
    describe_grant,
    describe_messages,
    expiry_cause,
    has_testing_lifetime,
)

Color = Literal["green", "orange", "red", "violet", "gray", "blue"]

LEAVE_TESTING = (
    "While the Google Cloud project is in *Testing*, every grant expires after 7 days. To lift "
    "this limit, open Google Auth Platform → Audience in Google's console, click **Publish app**, "
    "and re-authorise each sender once more."
)
_BLOCKED_REMEDY = (
    "Re-authorising doesn't help. Ask the Workspace admin whether the account still exists, isn't "
    "suspended, has Gmail turned on, and may use this app."
)
_SERVICE_ACCOUNT_REMEDY = (
    "Ask the Workspace admin to allow the service account's client ID and scope (the **Setup** "
    "page explains how), and to check that the mailbox still exists. If the key was deleted, "
    "upload a new one under **Edit**. What waits goes out once Google accepts the account again."
)
_EXPIRED_REMEDIES = {
    ExpiryCause.PERMISSION_MISSING: (
        "A box was left unticked on Google's consent screen. Click **Re-auth** and tick every box."
    ),
    ExpiryCause.TESTING_LIMIT: f"Click **Re-auth** to renew the grant. {LEAVE_TESTING}",
    ExpiryCause.OTHER_CLIENT: (
        "The grant belongs to a different OAuth client. Click **Re-auth**, or put the old client "
        "back."
    ),
    ExpiryCause.REVOKED: (
        "Click **Re-auth** and consent again. Mail that waits then goes out by itself."
    ),
}


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

_SCOPES = {
    "openid": "confirm which account it is",
    "email": "see the account's address",
    "https://www.googleapis.com/auth/userinfo.email": "see the account's address",
    "https://www.googleapis.com/auth/userinfo.profile": "see the account's name",
    "https://www.googleapis.com/auth/gmail.send": "send mail",
    "https://www.googleapis.com/auth/gmail.modify": "read, write and send mail",
    "https://www.googleapis.com/auth/gmail.readonly": "read mail",
    "https://www.googleapis.com/auth/gmail.compose": "write drafts and send mail",
    "https://mail.google.com/": "full access to the mailbox",
}


def sender_badge(sender: Sender) -> Badge:
    """Return the badge of a sender; *expiring* stands in for *healthy*."""
    return EXPIRING if sender.expiring else _SENDER_BADGES[sender.status]


def status_badge(status: SenderStatus) -> Badge:
    """Return the badge of a status."""
    return _SENDER_BADGES[status]


def delivery_badge(status: DeliveryStatus) -> Badge:
    """Return the badge of a delivery's outcome."""
    return _DELIVERY_BADGES[status]


def needs_person(sender: Sender) -> bool:
    """Say whether somebody has to do something about a sender."""
    return sender.expiring or sender.status is not SenderStatus.HEALTHY


def renewable(sender: Sender) -> bool:
    """Say whether a re-auth is what the sender needs, now or soon."""
    return needs_person(sender) and sender.status is not SenderStatus.BLOCKED


def remedy(sender: Sender) -> str | None:
    """Return what to do about a sender, in Markdown, or None if there is nothing to do."""
    match sender.status:
        case SenderStatus.PENDING:
            return "Click **Re-auth** to authorise it. Then jobs can send through it."
        case SenderStatus.BLOCKED:
            return _SERVICE_ACCOUNT_REMEDY if sender.service_account else _BLOCKED_REMEDY
        case SenderStatus.EXPIRED:
            return _EXPIRED_REMEDIES[expiry_cause(sender) or ExpiryCause.REVOKED]
        case SenderStatus.HEALTHY if sender.expiring:
            hint = f" {LEAVE_TESTING}" if has_testing_lifetime(sender) else ""
            return f"Click **Re-auth** before the grant expires.{hint}"
        case SenderStatus.HEALTHY:
            return None


def last_sent(sender: Sender, now: datetime) -> str:
    """Say when the sender last sent."""
    if sender.last_sent_at is None:
        return "nothing sent yet"
    return f"last sent {describe_age(sender.last_sent_at, now)}"


def as_shown(sender: Sender, now: datetime) -> object:
    """Return all that the list and a sender's heading show: if it is equal, so are they.

    Times are in the words that are shown: exact times change with every message.
    """
    return (
        sender.alias,
        sender.gmail_account,
        sender.project,
        sender.status,
        sender.expiring,
        sender.status_reason,
        describe_grant(sender, now),
        remedy(sender),
        last_sent(sender, now),
        queue_wording.of_sender(sender, now),
        sender.unknown,
        sender.offered_account,
    )


def unknown_outcome(count: int) -> str:
    """Say how many messages may or may not have been sent."""
    return f"{describe_messages(count)} with unknown outcome"


def moment(at: datetime, zone: tzinfo) -> str:
    """Return a date and time in the viewer's time zone."""
    return at.astimezone(zone).strftime("%d %b %Y, %H:%M")


def scope(url: str) -> str:
    """Return what a scope allows."""
    return _SCOPES.get(url, url)

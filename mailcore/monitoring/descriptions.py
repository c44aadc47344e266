"""Alerts in words, the same in every front end."""

from datetime import datetime

from mailcore.senders.descriptions import describe_age
from mailcore.values.alerts import AlertKind, Notice, NoticeKind, NoticeStatus

_TITLES = {
    AlertKind.EXPIRING: "Expires within 48 hours",
    AlertKind.ABOUT_TO_EXPIRE: "Expires within 12 hours",
    AlertKind.EXPIRED: "Expired",
    AlertKind.BLOCKED: "Blocked",
    AlertKind.PROBLEM: "OAuth client or project at fault",
    AlertKind.UNKNOWN_OUTCOME: "Message with unknown outcome",
    AlertKind.WAITING: "Mail waiting for over an hour",
    AlertKind.LAPSED: "Mail given up",
}


def describe_alert(kind: AlertKind) -> str:
    """Return the title of an alert."""
    return _TITLES[kind]


def describe_notice(notice: Notice, at: datetime) -> str:
    """Return what became of a notice, such as ``"mail to ops@example.com: told 2 h ago"``.

    Args:
        notice: as in `Alert.notices`.
        at: the current time, aware.
    """
    told = "told that it is over" if notice.kind is NoticeKind.RESOLVED else "told"
    match notice.status:
        case NoticeStatus.SENT:
            age = describe_age(notice.sent_at, at) if notice.sent_at else ""
            return f"{notice.channel}: {told} {age}".rstrip()
        case NoticeStatus.CANCELLED:
            return f"{notice.channel}: not told, as it was over before"
        case NoticeStatus.SENDING:
            return f"{notice.channel}: being {told} right now"
        case NoticeStatus.WAITING if notice.error:
            return f"{notice.channel}: not {told} yet. {notice.error}"
        case NoticeStatus.WAITING:
            return f"{notice.channel}: about to be {told}"

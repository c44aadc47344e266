"""Alerts as callers see them: what is wrong, who is told, and whether that worked."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

#: The second warning of a grant that ends; the first one is `values.senders.EXPIRING_WITHIN`.
ABOUT_TO_EXPIRE_WITHIN = timedelta(hours=12)
#: Queued mail that is due for longer than this is an alert.
WAITING_FOR = timedelta(hours=1)
#: An alert that has not gone out this long after it was due is itself a problem.
SILENT_AFTER = timedelta(minutes=15)


class AlertKind(StrEnum):
    """What an alert is about."""

    #: A sender's grant ends within 48 hours.
    EXPIRING = "expiring"
    #: The same grant ends within 12 hours.
    ABOUT_TO_EXPIRE = "about to expire"
    #: Google refuses a sender's grant; a re-auth fixes it.
    EXPIRED = "expired"
    #: Google refuses a sender's account; a re-auth does not fix it.
    BLOCKED = "blocked"
    #: The OAuth client or the Google project is at fault, for all senders that use it.
    PROBLEM = "problem"
    #: A message may or may not have been sent; a person decides.
    UNKNOWN_OUTCOME = "unknown outcome"
    #: Queued mail has been due for over an hour, and its sender is not known to be refused.
    WAITING = "waiting"
    #: Queued mail was given up.
    LAPSED = "lapsed"


#: Mail is not going out, or will soon stop; what a channel for urgent alerts gets.
URGENT = frozenset(AlertKind) - {AlertKind.EXPIRING, AlertKind.UNKNOWN_OUTCOME}
#: What a link to re-authorise fixes.
FIXED_BY_REAUTH = frozenset({AlertKind.EXPIRING, AlertKind.ABOUT_TO_EXPIRE, AlertKind.EXPIRED})
#: Of these it is told, too, when they are over.
RESOLVES = frozenset({AlertKind.EXPIRED, AlertKind.BLOCKED, AlertKind.PROBLEM, AlertKind.WAITING})


class NoticeKind(StrEnum):
    """What a channel is told of an alert."""

    #: That it is true.
    RAISED = "raised"
    #: That it no longer is.
    RESOLVED = "resolved"


class NoticeStatus(StrEnum):
    """How far a notice has come."""

    #: It goes out with whatever else is due, or is tried again.
    WAITING = "waiting"
    #: A worker is sending it.
    SENDING = "sending"
    #: The channel has accepted it.
    SENT = "sent"
    #: It became untrue, or its channel was removed, before it went out.
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What one channel was told of an alert.

    Attributes:
        channel: its label.
        kind: that it is true, or that it no longer is.
        attempts: how often it was tried.
        sent_at: when the channel accepted it, or None.
        error: why the channel did not take it when it was last tried, or None.
    """

    channel: str
    kind: NoticeKind
    status: NoticeStatus
    attempts: int
    sent_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that somebody should be told.

    Attributes:
        kind: what it is about.
        alias: the sender; of a problem that many senders have, one of them.
        project: that sender's.
        detail: more about it, in words, or None.
        raised_at: when it was found.
        closed_at: since when it is no longer true; None while it is.
        notices: who was told, or is about to be, in the order of the channels.
    """

    id: int
    kind: AlertKind
    alias: str
    project: str | None
    detail: str | None
    raised_at: datetime
    closed_at: datetime | None
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertChannel:
    """Where alerts go.

    Attributes:
        label: its URL without what is secret in it.
        urgent_only: whether it gets only what keeps mail from going out, or is about to.
        project: it gets only alerts of this project; None for all.
        from_environment: whether it comes from PALEMAIL_ALERT_URLS; those are removed there.
        last_sent_at: when it last accepted an alert, or None.
        failing_since: since when it has accepted none; None if the last one was accepted.
        error: why not, or None.
        lacks_sender: whether it is mail, and there is no healthy sender to send it.
    """

    id: int
    label: str
    urgent_only: bool
    project: str | None
    from_environment: bool
    created_by: str
    last_sent_at: datetime | None
    failing_since: datetime | None
    error: str | None
    lacks_sender: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTest:
    """What a channel answered to a test.

    Attributes:
        label: the channel's.
        error: why it did not take the message, in words; None if it did.
    """

    label: str
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertHealth:
    """Whether alerts reach anybody.

    Attributes:
        channels: how many there are.
        open: how many alerts are true right now.
        waiting: how many notices have not gone out yet.
        silent_since: when the oldest alert was due that reached nobody; None unless that is more
            than 15 minutes ago.
        error: why the channel concerned did not take it, or None.
    """

    channels: int
    open: int
    waiting: int
    silent_since: datetime | None
    error: str | None

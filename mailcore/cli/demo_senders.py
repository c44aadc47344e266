"""The demo's senders: really registered, authorised and used, and then backdated."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from mailcore import ConfigurationError, Mailcore, OutcomeUnknown, ReauthRequired, now
from mailcore.cli import demo_past

if TYPE_CHECKING:
    from mailcore.sandbox import GoogleSandbox

_ADMIN = "ann@example.com"


@dataclass(frozen=True, slots=True)
class DemoSender:
    """One sample sender.

    Attributes:
        granted: how long ago its grant was given, or None for never. Grants last 7 days.
        messages: how long ago it sent which subject to whom.
        waiting: how long ago which subject to whom was queued, and waits since.
    """

    alias: str
    account: str
    display_name: str
    project: str
    granted: timedelta | None
    messages: "Messages" = ()
    waiting: "Messages" = ()


#: How long ago, to whom, and the subject.
Messages = tuple[tuple[timedelta, str, str], ...]


def _subjects(subject: str, to: str, *days: float) -> Messages:
    return tuple((timedelta(days=day), to, subject) for day in days)


def _minutes(subject: str, to: str, *minutes: float) -> Messages:
    return tuple((timedelta(minutes=each), to, subject) for each in minutes)


_EXPIRED_AGO = timedelta(hours=3, minutes=10)

SENDERS = (
    # Expired a good 3 hours ago, after its 7 days. Since then its mail waits.
    DemoSender(
        "alerts",
        "alerts@example.com",
        "Example Alerts",
        "Platform",
        timedelta(days=7) + _EXPIRED_AGO,
        _subjects("Disk is nearly full on db1", "ops@example.com", 6.6, 5.9, 4.2, 4.1, 1.3)
        + _subjects("Certificate ends in 14 days", "ops@example.com", 3.5),
        _minutes("Disk is full on db1", "ops@example.com", 186, 146, 116, 86, 56, 26)
        + _minutes("Backup of db1 failed", "ops@example.com", 150, 90, 30)
        + _minutes("Service web is down", "ops@example.com", 131, 71, 11),
    ),
    # Expiring: 34 hours are left.
    DemoSender(
        "billing",
        "billing@example.com",
        "Example Billing",
        "Shop",
        timedelta(days=5, hours=14),
        _subjects("Your invoice", "customer@example.net", 5.2, 4.8, 3.3, 2.6, 2.4, 1.1, 0.3),
    ),
    # Healthy. Somebody has paused it.
    DemoSender(
        "newsletter",
        "newsletter@example.com",
        "Example News",
        "Shop",
        timedelta(days=1, hours=20),
        _subjects("What is new in November", "readers@example.net", 1.8, 1.7, 1.6, 0.9, 0.8, 0.2),
        _minutes("What is new in December", "readers@example.net", 40, 39),
    ),
    # Pending: nobody has authorised it yet.
    DemoSender(
        "reports",
        "reports@example.com",
        "Example Reports",
        "Platform",
        None,
        waiting=_minutes("Weekly report", "board@example.net", 90),
    ),
)
#: The stand-in's accounts: the senders', and another to try a wrong one with.
ACCOUNTS = (*(sender.account for sender in SENDERS), "somebody.else@example.com")

_REGISTERED_AGO = timedelta(days=20)


def create(core: Mailcore, google: "GoogleSandbox") -> None:
    """Create the four senders, each with the status that the stand-in has given it.

    Args:
        core: a migrated deployment that talks to the stand-in.
        google: the stand-in.

    Raises:
        ConfigurationError: the database already holds other senders.
    """
    _remove_earlier(core)
    began = now()
    ages: dict[str, timedelta] = {}
    for sender in SENDERS:
        core.senders.register(
            sender.alias,
            gmail_account=sender.account,
            display_name=sender.display_name,
            project=sender.project,
            by=_ADMIN,
        )
        if sender.granted is not None:
            _authorize(core, google, sender.alias)
        ages |= _send(core, sender)
    demo_past.shift(
        core.settings,
        since=began,
        registered=_REGISTERED_AGO,
        granted={each.alias: each.granted for each in SENDERS if each.granted is not None},
        delivered=ages,
    )
    _let_one_expire(core, google)
    _leave_one_unknown(core, google)
    core.queue.pause("newsletter", by=_ADMIN)
    core.queue_email(
        "billing",
        to="customer@example.net",
        subject="Your invoice",
        text="It goes out tomorrow morning.",
        send_at=now() + timedelta(hours=14),
    )
    demo_past.let_wait(
        core.settings,
        stopped={"alerts": _EXPIRED_AGO, "newsletter": timedelta(minutes=45)},
        queued={key: age for each in SENDERS for key, age in _queue(core, each).items()},
    )


def _remove_earlier(core: Mailcore) -> None:
    """Remove the senders of an earlier demo; refuse where there are others."""
    page = core.senders.page(limit=len(SENDERS) + 1)
    demo = {(sender.alias, sender.account) for sender in SENDERS}
    found = {(sender.alias, sender.gmail_account) for sender in page.senders}
    if not found <= demo or page.matching > len(SENDERS):
        raise ConfigurationError(
            "The database in DATABASE_URL already holds senders of your own. The demo would mix "
            "its samples with them.",
            remedy="Unset DATABASE_URL, or give the demo an empty database.",
        )
    for alias, _ in found:
        core.senders.delete(alias, by=_ADMIN)


def _authorize(core: Mailcore, google: "GoogleSandbox", alias: str) -> None:
    begun = core.authorizations.begin(alias, by=_ADMIN)
    back = dict(parse_qsl(urlsplit(google.consent(begun.url)).query))
    core.authorizations.complete(state=back["state"], code=back["code"], error=None)


def _send(core: Mailcore, sender: DemoSender) -> Mapping[str, timedelta]:
    """Send its messages, and return how far each delivery is to be backdated."""
    ages = {}
    for age, to, subject in sender.messages:
        sent = core.send_email(sender.alias, to=to, subject=subject, text=f"{subject}.")
        ages[sent.delivery_id] = age
    return ages


def _queue(core: Mailcore, sender: DemoSender) -> Mapping[str, timedelta]:
    """Queue its messages, and return how long each has waited."""
    ages = {}
    for age, to, subject in sorted(sender.waiting, reverse=True):
        queued = core.queue_email(sender.alias, to=to, subject=subject, text=f"{subject}.")
        ages[queued.delivery_id] = age
    return ages


def _let_one_expire(core: Mailcore, google: "GoogleSandbox") -> None:
    google.expire_grant("alerts@example.com")
    try:
        core.check("alerts")
        core.send_email(
            "alerts",
            to="ops@example.com",
            subject="Backup of db2 failed",
            text="The disk is full.",
        )
    except ReauthRequired:
        return
    raise AssertionError("the stand-in took a mail on an expired grant")


def _leave_one_unknown(core: Mailcore, google: "GoogleSandbox") -> None:
    from mailcore.sandbox import faults  # noqa: PLC0415 - an extra

    google.fail("send", faults.CLOSE_AFTER, account="billing@example.com")
    try:
        core.send_email(
            "billing",
            to="customer@example.net",
            subject="Your invoice",
            text="Gmail's answer to this one was lost.",
        )
    except OutcomeUnknown:
        return
    raise AssertionError("the stand-in answered")

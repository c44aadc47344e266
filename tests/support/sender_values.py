"""Senders as values, for what is only worded: no database, no Google."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mailcore import Sender, SenderStatus

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)


def sender(**changes: object) -> Sender:
    healthy = Sender(
        alias="alerts",
        gmail_account="alerts@example.com",
        display_name=None,
        project=None,
        status=SenderStatus.HEALTHY,
        status_reason=None,
        status_changed_at=NOW,
        generation=1,
        granted_scopes=(),
        grant_issued_at=NOW - timedelta(days=4),
        grant_expires_at=NOW + timedelta(days=3, hours=2),
        expiring=False,
        last_refreshed_at=None,
        probed_at=None,
        last_sent_at=None,
        last_error_code=None,
        last_error_text=None,
        last_error_at=None,
        has_own_client=False,
        paused_by=None,
        paused_at=None,
        next_send_at=None,
        queued=0,
        queued_since=None,
        held=0,
        unknown=0,
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(healthy, **changes)  # type: ignore[arg-type]


def expired(*, age: timedelta, noticed: timedelta, announced: timedelta | None) -> Sender:
    """A sender whose grant was given `age` ago and found dead `noticed` ago."""
    issued = NOW - age
    return sender(
        status=SenderStatus.EXPIRED,
        status_changed_at=NOW - noticed,
        grant_issued_at=issued,
        grant_expires_at=issued + announced if announced else None,
    )

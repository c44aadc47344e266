"""What waits for a sender, when its queue will be empty, and what is left of its budget."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text
from sqlmodel.sql.sqltypes import UTCDateTime

from mailcore.senders.holding import SENT_LATELY, WAITS_FOR, limits
from mailcore.senders.picture import no_sender
from mailcore.settings import Settings
from mailcore.values.deliveries import WaitsFor

_READ = text(f"""
    SELECT sender.id, now() AS at,
           coalesce(sender.messages_per_day, CAST(:messages_per_day AS integer))
               AS messages_per_day,
           coalesce(sender.recipients_per_day, CAST(:recipients_per_day AS integer))
               AS recipients_per_day,
           paused_by, paused_at, sender.messages_per_second AS own_per_second,
           sender.messages_per_day AS own_messages, sender.recipients_per_day AS own_recipients,
           EXISTS (SELECT FROM procrastinate_workers
                   WHERE last_heartbeat > now() - interval '1 minute') AS worked_on,
           greatest(send_interval, 1 / coalesce(messages_per_second,
                    CAST(:messages_per_second AS double precision))) AS pause,
           day.*, queue.*,
           (SELECT ({WAITS_FOR}) FROM delivery
            WHERE delivery.alias = sender.alias AND delivery.status = 'queued'
            ORDER BY held_by IS NOT NULL, send_at, created_at LIMIT 1) AS waits_for
    FROM sender
    CROSS JOIN LATERAL (
        SELECT count(*) AS messages, coalesce(sum(cardinality(recipients)), 0) AS recipients,
               count(*) FILTER (WHERE sent_at > now() - interval '5 minutes') AS lately
        FROM delivery AS counted WHERE {SENT_LATELY}
    ) AS day
    CROSS JOIN LATERAL (
        SELECT count(*) AS queued, min(send_at) AS queued_since,
               count(*) FILTER (WHERE held_by IS NULL AND send_at <= now()) AS due
        FROM delivery WHERE alias = sender.alias AND status = 'queued'
    ) AS queue
    WHERE sender.alias = :alias
""")  # noqa: S608 - of constants
_FORECAST = _READ.columns(at=UTCDateTime(), queued_since=UTCDateTime(), paused_at=UTCDateTime())

#: Seconds that a message takes of which nothing better is known.
_USUAL = 0.5
#: Messages of the last five minutes from which a pace can be told.
_MANY = 50
_DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingLimits:
    """A sender's own limits; None means the deployment's.

    Attributes:
        messages_per_second: from its queue.
        messages_per_day: in any 24 hours, including `send_email`.
        recipients_per_day: likewise.
    """

    messages_per_second: float | None
    messages_per_day: int | None
    recipients_per_day: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueForecast:
    """A sender's queue.

    Attributes:
        queued: how many messages are waiting, including those for later.
        due: how many of them are due now.
        queued_since: when the first became due, or will; None if none is waiting.
        waits_for: what the first one waits for; None if none is waiting.
        through_at: when all that are due will have been sent, at the current pace; None if none
            is due, or if something other than time keeps them waiting.
        messages_left: how many messages are left of its budget; None if there is no limit.
        recipients_left: the same in recipients.
        limits: the sender's own limits.
        paused_by: who paused it, or None.
        paused_at: when it was paused, or None.
        worked_on: whether a worker is running, no matter which sender it is busy with.
    """

    queued: int
    due: int
    queued_since: datetime | None
    waits_for: WaitsFor | None
    through_at: datetime | None
    messages_left: int | None
    recipients_left: int | None
    limits: SendingLimits
    paused_by: str | None
    paused_at: datetime | None
    worked_on: bool


def read_forecast(connection: Connection, alias: str, settings: Settings) -> QueueForecast:
    """Read a sender's forecast.

    Raises:
        SenderNotFound: no sender has that alias.
    """
    values = {
        "alias": alias,
        **limits(settings),
        "messages_per_second": settings.messages_per_second,
    }
    row = connection.execute(_FORECAST, values).first()
    if row is None:
        raise no_sender(alias)
    waits_for = row.waits_for and WaitsFor(row.waits_for)
    messages_left = _left(row.messages_per_day, row.messages)
    moving = waits_for in {WaitsFor.TURN, WaitsFor.TIME} and row.due
    each = max(row.pause or 0.0, 300 / row.lately if row.lately > _MANY else _USUAL)
    seconds = row.due * each
    if messages_left is not None and row.due > messages_left:
        # The rest goes out as the last 24 hours' messages leave the budget.
        seconds += (row.due - messages_left) / row.messages_per_day * _DAY
    return QueueForecast(
        queued=row.queued,
        due=row.due,
        queued_since=row.queued_since,
        waits_for=waits_for,
        through_at=row.at + timedelta(seconds=seconds) if moving else None,
        messages_left=messages_left,
        recipients_left=_left(row.recipients_per_day, row.recipients),
        limits=SendingLimits(
            messages_per_second=row.own_per_second,
            messages_per_day=row.own_messages,
            recipients_per_day=row.own_recipients,
        ),
        paused_by=row.paused_by,
        paused_at=row.paused_at,
        worked_on=row.worked_on,
    )


def _left(limit: int | None, used: int) -> int | None:
    return None if limit is None else max(limit - used, 0)

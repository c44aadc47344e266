"""What waits for a sender, when it will be through, and what its budget has left."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text
from sqlmodel.sql.sqltypes import UTCDateTime

from mailcore.senders.holding import WAITS_FOR, limits
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
        FROM delivery WHERE alias = sender.alias AND status = 'sent'
                        AND sent_at > now() - interval '24 hours'
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
    """Limits of a sender's own; None for the deployment's.

    Attributes:
        messages_per_second: from its queue.
        messages_per_day: in any 24 hours, `send_email` included.
        recipients_per_day: likewise.
    """

    messages_per_second: float | None
    messages_per_day: int | None
    recipients_per_day: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueForecast:
    """A sender's queue.

    Attributes:
        queued: how many messages wait, those for later included.
        due: how many of them could go out now.
        queued_since: since when the first has been due, or will be; None where none waits.
        waits_for: what the first one waits for; None where none waits.
        through_at: when all that are due will be sent, at today's pace; None where none is, or
            where something else than time keeps them back.
        messages_left: how many messages its budget has left; None where there is no limit.
        recipients_left: the same in recipients.
        limits: of the sender's own.
        paused_by: who paused it, or None.
        paused_at: since when it is paused.
        worked_on: a worker runs, whichever sender it is busy with.
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

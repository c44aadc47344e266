"""What is measured: two statements on Postgres, however many senders there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailcore.clock import Deadline
from mailcore.senders.holding import SENT_LATELY, limits
from mailcore.settings import Settings
from mailcore.status import SenderStatus
from mailcore.store.connection import Connection
from mailcore.store.database import Database
from mailcore.values.alerts import AlertKind

#: Seconds that reading all of it may take: less than Prometheus waits by default.
_TIME_LIMIT = 8.0

#: A message that somebody holds back is not due. What was sent in 24 hours is read only where there
#: is a limit.
_SENDERS = f"""
    WITH open AS (
        SELECT alias, count(*) FILTER (WHERE status = 'queued') AS queued,
               min(send_at) FILTER (WHERE status = 'queued' AND held_by IS NULL
                                    AND send_at <= now()) AS due_since,
               count(*) FILTER (WHERE status = 'unknown'
                                OR (status = 'sending' AND leased_until < now())) AS unknown
        FROM delivery WHERE status IN ('queued', 'unknown', 'sending') GROUP BY alias
    ), limited AS (
        SELECT id, coalesce(messages_per_day, %(messages_per_day)s::integer) AS messages,
               coalesce(recipients_per_day, %(recipients_per_day)s::integer) AS recipients
        FROM sender
    )
    SELECT sender.alias, coalesce(sender.project, '') AS project, sender.status,
           sender.grant_expires_at, sender.paused_at IS NOT NULL AS paused,
           sender.sent_total, sender.failed_total, sender.unknown_total, sender.lapsed_total,
           sender.renewed_total, sender.renewal_refused_total, sender.renewal_failed_total,
           coalesce(open.queued, 0) AS queued, open.due_since,
           coalesce(open.unknown, 0) AS unknown,
           limited.messages AS messages_limit, limited.recipients AS recipients_limit,
           day.messages, day.recipients, lately.rerouted
    FROM sender JOIN limited ON limited.id = sender.id LEFT JOIN open ON open.alias = sender.alias
    CROSS JOIN LATERAL (
        SELECT count(*) AS messages, coalesce(sum(cardinality(recipients)), 0) AS recipients
        FROM delivery AS counted
        WHERE coalesce(limited.messages, limited.recipients) IS NOT NULL
          AND {SENT_LATELY}
    ) AS day
    CROSS JOIN LATERAL (
        SELECT count(*) AS rerouted FROM delivery AS counted
        WHERE counted.alias = sender.alias AND counted.status = 'sent'
          AND counted.sent_through IS NOT NULL AND sender.fallback_alias IS NOT NULL
          AND counted.sent_at > now() - interval '24 hours'
    ) AS lately
    ORDER BY sender.alias
"""  # noqa: S608 - of constants

#: A worker that stops takes its row along; one that dies leaves it, with its last heartbeat.
_DEPLOYMENT = """
    SELECT (SELECT jsonb_object_agg(kind, number)
            FROM (SELECT kind, count(*) AS number FROM alert WHERE closed_at IS NULL
                  GROUP BY kind) AS open) AS alerts_open,
           (SELECT max(last_heartbeat) FROM procrastinate_workers) AS worker_seen_at,
           (SELECT count(*) FROM procrastinate_workers
            WHERE last_heartbeat > now() - interval '1 minute') AS workers
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a sender may send in any 24 hours, and has sent in the last ones.

    Attributes:
        unit: ``messages`` or ``recipients``.
        limit: how many it may.
        used: how many it has.
    """

    unit: str
    limit: int
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderMeasurements:
    """One sender.

    Attributes:
        grant_ends_at: when its grant ends; None where no end is known.
        messages: since it was registered, by outcome.
        renewals: of its access, since it was registered, by outcome.
        queued: messages in its queue, those for later included.
        due_since: when the first of them became due that nobody holds back; None if none is.
        unknown: messages whose outcome a person has to find out.
        budgets: those that have a limit.
        rerouted: how many of its messages have gone out through its fallback in the last 24 hours.
    """

    alias: str
    project: str
    status: SenderStatus
    grant_ends_at: datetime | None
    paused: bool
    messages: Mapping[str, int]
    renewals: Mapping[str, int]
    queued: int
    due_since: datetime | None
    unknown: int
    budgets: tuple[Budget, ...]
    rerouted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """A deployment.

    Attributes:
        senders: in the order of their aliases.
        alerts_open: how many alerts of each kind are true right now.
        workers: how many workers have been heard of in the last minute.
        worker_seen_at: when the last one was; None if none is registered.
    """

    senders: tuple[SenderMeasurements, ...]
    alerts_open: Mapping[AlertKind, int]
    workers: int
    worker_seen_at: datetime | None


def measure(database: Database, settings: Settings) -> Measurements:
    """Read everything.

    Args:
        database: where it is.
        settings: the deployment's limits.

    Raises:
        ConfigurationError: the tables are missing.
        DatabaseUnavailable: Postgres cannot be reached, or takes too long.
    """
    with database.connection(Deadline(_TIME_LIMIT)) as connection:
        senders = _read_senders(connection, settings)
        row: Any = connection.run(_DEPLOYMENT).fetchone()
    counted = row.alerts_open or {}
    return Measurements(
        senders=senders,
        alerts_open={kind: counted.get(kind.value, 0) for kind in AlertKind},
        workers=row.workers,
        worker_seen_at=row.worker_seen_at,
    )


def _read_senders(connection: Connection, settings: Settings) -> tuple[SenderMeasurements, ...]:
    return tuple(map(_sender, connection.run(_SENDERS, limits(settings))))


def _sender(row: Any) -> SenderMeasurements:
    return SenderMeasurements(
        alias=row.alias,
        project=row.project,
        status=SenderStatus(row.status),
        grant_ends_at=row.grant_expires_at,
        paused=row.paused,
        messages={
            "sent": row.sent_total,
            "failed": row.failed_total,
            "unknown": row.unknown_total,
            "lapsed": row.lapsed_total,
        },
        renewals={
            "renewed": row.renewed_total,
            "refused": row.renewal_refused_total,
            "failed": row.renewal_failed_total,
        },
        queued=row.queued,
        due_since=row.due_since,
        unknown=row.unknown,
        budgets=tuple(_budgets(row)),
        rerouted=row.rerouted,
    )


def _budgets(row: Any) -> list[Budget]:
    known = [
        Budget(unit="messages", limit=row.messages_limit, used=row.messages),
        Budget(unit="recipients", limit=row.recipients_limit, used=int(row.recipients)),
    ]
    return [budget for budget in known if budget.limit is not None]

"""Who is told of which alert, and when: one notice for each alert and channel.

A notice is claimed with a lease, and the claim is committed before its channel is called. If the
worker dies in between, the notice goes out again once the lease is over: an alert that comes twice
is better than one that doesn't come. Mail of our own doesn't even come twice, as the batch, which
stays the same, is its idempotency key.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from mailcore.store.connection import Connection
from mailcore.values.alerts import RESOLVES, SILENT_AFTER, URGENT, AlertKind, NoticeKind

#: Longer than any channel takes to answer.
LEASE = timedelta(minutes=2)
#: How long a channel rests after it has failed once, and at most; it doubles each time.
_FIRST_PAUSE, _LONGEST_PAUSE = 30.0, 1800.0
#: The longest that an alert waits for others. It waits twice as long after each message that the
#: channel has had about the project within a day.
_LONGEST_DELAY = 3600.0

#: Of the table ``channel``: not removed. One from the environment counts for as long as a running
#: worker has it.
LIVE = f"""(
    channel.removed_at IS NULL AND coalesce(
        channel.seen_at > now() - interval '{SILENT_AFTER.total_seconds():g} seconds', true)
)"""


def _listed(kinds: Collection[AlertKind]) -> str:
    return ", ".join(f"'{kind}'" for kind in sorted(kinds))


#: Of the tables ``alert`` and ``channel``.
_WANTED = f"""(
    coalesce(channel.project = alert.project, channel.project IS NULL)
    AND (NOT channel.urgent_only OR alert.kind IN ({_listed(URGENT)}))
)"""

#: It became untrue before it went out; or the same is wrong again before it was told to be over.
_CANCEL = f"""
    UPDATE alert_notice AS notice SET status = 'cancelled', leased_until = NULL
    FROM alert, alert_channel AS channel
    WHERE notice.status = 'waiting' AND alert.id = notice.alert_id
      AND channel.id = notice.channel_id
      AND (channel.removed_at IS NOT NULL
           OR (notice.kind = '{NoticeKind.RAISED}' AND alert.closed_at IS NOT NULL)
           OR (notice.kind = '{NoticeKind.RESOLVED}' AND EXISTS (
                   SELECT FROM alert AS again
                   WHERE again.kind = alert.kind AND again.subject = alert.subject
                     AND again.closed_at IS NULL)))
"""  # noqa: S608 - of constants

_DELAY = f"""
    greatest(%(delay)s, least({_LONGEST_DELAY}, %(delay)s * power(2, (
        SELECT count(DISTINCT sent.batch) FROM alert_notice AS sent
        JOIN alert AS told ON told.id = sent.alert_id
        WHERE sent.channel_id = channel.id AND sent.status = 'sent'
          AND sent.sent_at > now() - interval '24 hours'
          AND told.project IS NOT DISTINCT FROM alert.project))))
"""  # noqa: S608 - of constants

_RAISED = f"""
    INSERT INTO alert_notice (alert_id, channel_id, kind, status, due_at, attempts, created_at)
    SELECT alert.id, channel.id, '{NoticeKind.RAISED}', 'waiting',
           now() + ({_DELAY}) * interval '1 second', 0, now()
    FROM alert CROSS JOIN alert_channel AS channel
    WHERE alert.closed_at IS NULL AND {LIVE} AND {_WANTED}
      AND NOT EXISTS (SELECT FROM alert_notice AS notice
                      WHERE notice.alert_id = alert.id AND notice.channel_id = channel.id
                        AND notice.kind = '{NoticeKind.RAISED}')
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - of constants

#: Only to whom it was told. Of a sender that is gone, there is nothing to say.
_RESOLVED = f"""
    INSERT INTO alert_notice (alert_id, channel_id, kind, status, due_at, attempts, created_at)
    SELECT alert.id, channel.id, '{NoticeKind.RESOLVED}', 'waiting',
           now() + %(delay)s * interval '1 second', 0, now()
    FROM alert_notice AS told
    JOIN alert ON alert.id = told.alert_id
    JOIN alert_channel AS channel ON channel.id = told.channel_id
    JOIN sender ON sender.alias = alert.alias AND sender.created_at <= alert.raised_at
    WHERE told.kind = '{NoticeKind.RAISED}' AND told.status = 'sent' AND {LIVE}
      AND alert.kind IN ({_listed(RESOLVES)})
      AND alert.closed_at > now() - interval '24 hours'
      AND NOT EXISTS (SELECT FROM alert_notice AS notice
                      WHERE notice.alert_id = alert.id AND notice.channel_id = channel.id
                        AND notice.kind = '{NoticeKind.RESOLVED}')
      AND NOT EXISTS (SELECT FROM alert AS again
                      WHERE again.kind = alert.kind AND again.subject = alert.subject
                        AND again.closed_at IS NULL)
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - of constants

_DUE = """(
    (notice.status = 'waiting' AND notice.due_at <= now())
    OR (notice.status = 'sending' AND notice.leased_until < now())
)"""

#: Channels that this process can call, and that are not resting.
_CALLABLE = f"""(
    {LIVE} AND coalesce(channel.next_try_at <= now(), true)
    AND (channel.url IS NOT NULL OR channel.fingerprint = ANY(%(fingerprints)s))
)"""

_ANY_DUE = f"""
    SELECT EXISTS (
        SELECT FROM alert_notice AS notice
        JOIN alert_channel AS channel ON channel.id = notice.channel_id
        WHERE {_DUE} AND {_CALLABLE}) AS found
"""  # noqa: S608 - of constants

#: All that waits for one channel about one project goes out in one message. What a dead worker
#: was sending goes out again as it was, before anything else.
_CLAIM = f"""
    WITH channel AS (
        SELECT id FROM alert_channel AS channel
        WHERE {_CALLABLE} AND EXISTS (
            SELECT FROM alert_notice AS notice WHERE notice.channel_id = channel.id AND {_DUE})
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
    ), first AS (
        SELECT notice.status, notice.batch, alert.project
        FROM channel
        JOIN alert_notice AS notice ON notice.channel_id = channel.id
        JOIN alert ON alert.id = notice.alert_id
        WHERE {_DUE}
        ORDER BY notice.status = 'waiting', notice.due_at, notice.id LIMIT 1
    )
    UPDATE alert_notice AS notice
    SET status = 'sending', attempts = notice.attempts + 1, leased_until = now() + %(lease)s,
        batch = CASE WHEN first.status = 'sending' THEN first.batch ELSE %(batch)s END
    FROM channel, first, alert
    WHERE notice.channel_id = channel.id AND alert.id = notice.alert_id
      AND CASE WHEN first.status = 'sending'
               THEN notice.batch = first.batch AND notice.status = 'sending'
               ELSE notice.status = 'waiting'
                    AND alert.project IS NOT DISTINCT FROM first.project END
    RETURNING notice.batch, notice.channel_id, notice.alert_id, notice.kind, alert.project
"""  # noqa: S608 - of constants

_SENT = """
    WITH sent AS (
        UPDATE alert_notice SET status = 'sent', sent_at = now(), leased_until = NULL
        WHERE batch = %(batch)s AND status = 'sending'
    )
    UPDATE alert_channel
    SET failures = 0, failing_since = NULL, error_text = NULL, next_try_at = NULL,
        last_sent_at = now()
    WHERE id = %(channel_id)s
"""
_FAILED = f"""
    WITH waiting AS (
        UPDATE alert_notice SET status = 'waiting', batch = NULL, leased_until = NULL
        WHERE batch = %(batch)s AND status = 'sending'
    )
    UPDATE alert_channel
    SET failures = failures + 1, failing_since = coalesce(failing_since, now()),
        error_text = %(error)s,
        next_try_at = now() + interval '1 second'
            * least({_FIRST_PAUSE} * power(2, least(failures, 20)), {_LONGEST_PAUSE})
    WHERE id = %(channel_id)s
"""  # noqa: S608 - of constants


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What goes to a channel in one message.

    Attributes:
        id: the same whenever this very message is tried again after a crash.
        channel_id: the channel.
        project: that all of it is about.
        raised: the alerts that it tells.
        resolved: the alerts that it tells to be over.
    """

    id: UUID
    channel_id: int
    project: str | None
    raised: tuple[int, ...]
    resolved: tuple[int, ...]


def plan(connection: Connection, delay: float) -> None:
    """Note what each channel should be told, and cancel what has become untrue.

    Args:
        connection: one on which each statement is its own transaction.
        delay: seconds that an alert waits for others.
    """
    connection.run(_CANCEL)
    connection.run(_RAISED, {"delay": delay})
    connection.run(_RESOLVED, {"delay": delay})


def is_any_due(connection: Connection, fingerprints: Collection[str]) -> bool:
    """Say whether `claim` would find something."""
    return bool(connection.run(_ANY_DUE, {"fingerprints": list(fingerprints)}).fetchone().found)  # type: ignore[union-attr]


def claim(connection: Connection, fingerprints: Collection[str]) -> Batch | None:
    """Claim the next message, for as long as the lease lasts.

    Args:
        connection: one on which each statement is its own transaction.
        fingerprints: of the channels in this process's environment.

    Returns:
        The message; None if nothing is due.
    """
    values = {"fingerprints": list(fingerprints), "batch": uuid4(), "lease": LEASE}
    rows = connection.run(_CLAIM, values).fetchall()
    if not rows:
        return None
    return Batch(
        id=rows[0].batch,
        channel_id=rows[0].channel_id,
        project=rows[0].project,
        raised=tuple(row.alert_id for row in rows if row.kind == NoticeKind.RAISED),
        resolved=tuple(row.alert_id for row in rows if row.kind == NoticeKind.RESOLVED),
    )


def record(connection: Connection, batch: Batch, error: str | None) -> None:
    """Note what a channel answered.

    Args:
        connection: one on which each statement is its own transaction.
        batch: what it was sent.
        error: why it did not take it; None if it did.
    """
    values = {"batch": batch.id, "channel_id": batch.channel_id, "error": error}
    connection.run(_SENT if error is None else _FAILED, values)

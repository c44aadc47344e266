"""Alerts for the pages and the command line: what is wrong, who is told, and whether that works."""

from collections import defaultdict
from typing import Any
from uuid import uuid4

from mailcore.errors import PalEMailError
from mailcore.monitoring.alerting import Alerting
from mailcore.monitoring.channels import Channels
from mailcore.monitoring.notices import LIVE, Batch
from mailcore.store.connection import Connection
from mailcore.store.database import Database, storable
from mailcore.values.alerts import (
    SILENT_AFTER,
    Alert,
    AlertChannel,
    AlertHealth,
    AlertKind,
    ChannelTest,
    Notice,
    NoticeKind,
    NoticeStatus,
)

_ALERTS = """
    SELECT id, kind, alias, project, detail, raised_at, closed_at FROM alert
    WHERE (%(alias)s::text IS NULL OR alias = %(alias)s)
      AND (NOT %(open_only)s OR closed_at IS NULL)
    ORDER BY raised_at DESC, id DESC LIMIT %(limit)s
"""
_NOTICES = """
    SELECT notice.alert_id, channel.label, notice.kind, notice.status, notice.attempts,
           notice.sent_at,
           CASE WHEN notice.status = 'waiting' AND notice.attempts > 0
                THEN channel.error_text END AS error
    FROM alert_notice AS notice JOIN alert_channel AS channel ON channel.id = notice.channel_id
    WHERE notice.alert_id = ANY(%(ids)s)
    ORDER BY notice.alert_id, channel.id, notice.id
"""
#: Silent is what should have been told by now, and reached nobody: a channel has not taken it, or
#: there is none. Another channel that has taken the same alert makes up for that.
_HEALTH = f"""
    WITH late AS (
        SELECT min(notice.due_at) AS since, (array_agg(channel.error_text))[1] AS error
        FROM alert_notice AS notice
        JOIN alert_channel AS channel ON channel.id = notice.channel_id
        WHERE notice.status IN ('waiting', 'sending') AND {LIVE}
          AND notice.due_at < now() - %(silent_after)s
          AND NOT EXISTS (SELECT FROM alert_notice AS told
                          WHERE told.alert_id = notice.alert_id AND told.kind = notice.kind
                            AND told.status = 'sent')
    ), untold AS (
        SELECT min(raised_at) AS since FROM alert
        WHERE closed_at IS NULL AND raised_at < now() - %(silent_after)s
          AND NOT EXISTS (SELECT FROM alert_notice AS notice
                          JOIN alert_channel AS channel ON channel.id = notice.channel_id
                          WHERE notice.alert_id = alert.id
                            AND (notice.status = 'sent' OR {LIVE}))
    )
    SELECT (SELECT count(*) FROM alert_channel AS channel WHERE {LIVE}) AS channels,
           (SELECT count(*) FROM alert WHERE closed_at IS NULL) AS open,
           (SELECT count(*) FROM alert_notice WHERE status IN ('waiting', 'sending')) AS waiting,
           least(late.since, untold.since) AS silent_since, late.error
    FROM late, untold
"""  # noqa: S608 - of constants


class Alerts:
    """Reads alerts, and sets up where they go.

    Args:
        database: where they are.
        channels: knows where they go.
        alerting: calls a channel, for a test.
    """

    def __init__(self, database: Database, channels: Channels, alerting: Alerting) -> None:
        self._database = database
        self._channels = channels
        self._alerting = alerting

    def list(
        self, alias: str | None = None, *, open_only: bool = False, limit: int = 100
    ) -> tuple[Alert, ...]:
        """Return alerts, newest first.

        Args:
            alias: only this sender's; None for all.
            open_only: leave out what is no longer true.
            limit: how many at most.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        values = {"alias": alias and storable(alias), "open_only": open_only, "limit": limit}
        with self._database.connection() as connection:
            rows = connection.run(_ALERTS, values).fetchall()
            notices = _notices(connection, [row.id for row in rows])
        return tuple(
            Alert(
                id=row.id,
                kind=AlertKind(row.kind),
                alias=row.alias,
                project=row.project,
                detail=row.detail,
                raised_at=row.raised_at,
                closed_at=row.closed_at,
                notices=tuple(notices[row.id]),
            )
            for row in rows
        )

    def channels(self) -> tuple[AlertChannel, ...]:
        """Return the channels, in the order in which they were set up.

        One from PALEMAIL_ALERT_URLS is among them while a worker that has it is running.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.connection() as connection:
            return self._channels.list(connection)

    def add_channel(
        self, url: str, *, urgent_only: bool = False, project: str | None = None, by: str
    ) -> int:
        """Add a channel.

        Args:
            url: as Apprise documents it for the service, or ``palemail://`` and an address.
            urgent_only: leave out early warnings and unknown outcomes.
            project: only alerts of this project; None for all.
            by: who adds it.

        Returns:
            Its id.

        Raises:
            InvalidAlertChannel: this is no URL, or the channel is already there.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.connection() as connection:
            return self._channels.add(
                connection, url, urgent_only=urgent_only, project=project, by=by
            )

    def remove_channel(self, channel_id: int) -> None:
        """Remove a channel that was added. It is told nothing more.

        Args:
            channel_id: its id.

        Raises:
            InvalidAlertChannel: there is none, or it comes from PALEMAIL_ALERT_URLS.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.connection() as connection:
            self._channels.remove(connection, channel_id)

    def test(self) -> tuple[ChannelTest, ...]:
        """Send each channel a test, at once, and return what each answered.

        Channels in this process's environment are among them, also while no worker is running.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.connection() as connection:
            self._channels.announce(connection)
        return tuple(
            ChannelTest(label=channel.label, error=self._test(channel.id))
            for channel in self.channels()
        )

    def health(self) -> AlertHealth:
        """Say whether alerts reach anybody.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.connection() as connection:
            row: Any = connection.run(_HEALTH, {"silent_after": SILENT_AFTER}).fetchone()
        return AlertHealth(
            channels=row.channels,
            open=row.open,
            waiting=row.waiting,
            silent_since=row.silent_since,
            error=row.error,
        )

    def _test(self, channel_id: int) -> str | None:
        batch = Batch(id=uuid4(), channel_id=channel_id, project=None, raised=(), resolved=())
        try:
            with self._database.connection() as connection:
                target = self._channels.target(connection, channel_id)
            return self._alerting.call(target, self._alerting.test_message(), batch)
        except PalEMailError as exc:
            return exc.message


def _notices(connection: Connection, ids: "list[int]") -> defaultdict[int, "list[Notice]"]:
    found: defaultdict[int, list[Notice]] = defaultdict(list)
    for row in connection.run(_NOTICES, {"ids": ids}):
        found[row.alert_id].append(
            Notice(
                channel=row.label,
                kind=NoticeKind(row.kind),
                status=NoticeStatus(row.status),
                attempts=row.attempts,
                sent_at=row.sent_at,
                error=row.error,
            )
        )
    return found

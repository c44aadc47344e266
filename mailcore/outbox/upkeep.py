"""What keeps the queue's table in order: dead workers, messages that expire, old rows."""

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

from mailcore.clock import Deadline
from mailcore.outbox.due import due
from mailcore.outbox.listener import Listener
from mailcore.senders.holding import limits
from mailcore.sending.delivery_table import mark_cut_off
from mailcore.sending.send_email import Mailer
from mailcore.settings import Settings
from mailcore.store.database import Database

#: Rows that one statement changes at most: it holds nobody up, and a long backlog is worked off
#: bit by bit.
_BATCH = 1000

#: Seconds that a look at what is due may take.
_LOOK = 10.0
#: Seconds for writing what could not be recorded before.
_MISSED = 5.0

#: Their senders count them, and are locked first, in one order.
_LAPSE = """
    WITH expired AS (
        SELECT id, alias FROM delivery
        WHERE status = 'queued' AND expires_at <= now() LIMIT %(batch)s
    ), known AS (
        SELECT id FROM sender WHERE alias IN (SELECT alias FROM expired)
        ORDER BY id FOR NO KEY UPDATE
    ), lapsed AS (
        UPDATE delivery SET status = 'lapsed', updated_at = now(), error_code = 'lapsed',
                            error_text = concat_ws(' The last attempt: ',
                                'It could not be sent before it expired.', error_text)
        WHERE id IN (SELECT id FROM delivery
                     WHERE id IN (SELECT id FROM expired WHERE (SELECT count(*) FROM known) >= 0)
                       AND status = 'queued' AND expires_at <= now()
                     FOR UPDATE SKIP LOCKED)
        RETURNING alias
    )
    UPDATE sender SET lapsed_total = lapsed_total + counted.number
    FROM (SELECT alias, count(*) AS number FROM lapsed GROUP BY alias) AS counted
    WHERE sender.alias = counted.alias
"""

#: Open ones are kept for ever: a person has yet to decide, or they have yet to go out.
_OLD_DELIVERIES = """
    DELETE FROM delivery WHERE id IN (
        SELECT id FROM delivery
        WHERE created_at < now() - %(kept)s AND updated_at < now() - %(kept)s
          AND status NOT IN ('queued', 'sending', 'unknown')
        ORDER BY created_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
"""
_OLD_BODIES = """
    UPDATE delivery SET body = NULL WHERE id IN (
        SELECT id FROM delivery
        WHERE body IS NOT NULL AND status NOT IN ('queued', 'sending')
          AND updated_at < now() - %(kept)s
        LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
"""
_OLD_EVENTS = """
    DELETE FROM sender_event WHERE id IN (
        SELECT id FROM sender_event WHERE at < now() - %(kept)s ORDER BY id LIMIT %(batch)s)
"""


class Upkeep:
    """Changes rows whose time has come.

    Args:
        settings: how long what is kept.
        database: where it is.
        mailer: knows which outcomes are still to be recorded.
    """

    def __init__(self, settings: Settings, database: Database, mailer: Mailer) -> None:
        self._kept = (
            (_OLD_BODIES, timedelta(days=settings.keep_bodies)),
            (_OLD_DELIVERIES, timedelta(days=settings.keep_deliveries)),
            (_OLD_EVENTS, timedelta(days=settings.keep_events)),
        )
        self._limits = limits(settings)
        self._database = database
        self._mailer = mailer

    def due(self, aliases: Collection[str] | None = None) -> dict[str, float]:
        """Return the senders that have mail to send, and in how many seconds each may.

        Args:
            aliases: only these; None looks at all.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.statement(Deadline(_LOOK)) as connection:
            return due(connection, self._limits, aliases)

    def listener(self, heard: Callable[[str | None], None]) -> Listener:
        """Return what hears of new mail; see `outbox.listener.Listener`."""
        return Listener(self._database, heard)

    def connect_arguments(self) -> dict[str, Any]:
        """Return what the engine connects with; see `Database.connect_arguments`."""
        return self._database.connect_arguments()

    def settle(self) -> None:
        """Settle what a dead worker was sending, and what expired in the queue.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        self._mailer.record_missed(_MISSED)
        with self._database.connection() as connection:
            mark_cut_off(connection)
            connection.run(_LAPSE, {"batch": _BATCH})

    def forget_old(self) -> int:
        """Delete a batch of each kind of what is kept no longer.

        Returns:
            How many rows that were; call it again until it is 0.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.connection() as connection:
            return sum(
                connection.run(statement, {"kept": kept, "batch": _BATCH}).rowcount
                for statement, kept in self._kept
            )

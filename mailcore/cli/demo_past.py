"""Backdating what the demo has just done, so that it has a history."""

from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta

from sqlalchemy import text

from mailcore import Settings
from mailcore.store.database import Database

_DELIVERY = text("""
    UPDATE delivery SET created_at = created_at - :ago, updated_at = updated_at - :ago,
                        sent_at = sent_at - :ago
    WHERE id = CAST(:id AS uuid)
""")
_GRANT = text("""
    UPDATE sender SET grant_issued_at = grant_issued_at - :ago,
                      grant_expires_at = grant_expires_at - :ago,
                      status_changed_at = status_changed_at - :ago,
                      last_sent_at = (SELECT max(sent_at) FROM delivery
                                      WHERE delivery.alias = sender.alias)
    WHERE alias = :alias
""")
_GRANT_EVENTS = text("""
    UPDATE sender_event SET at = at - :ago
    WHERE alias = :alias AND at >= :since AND what <> 'registered'
""")
_SENDERS = text("UPDATE sender SET created_at = created_at - :ago WHERE created_at >= :since")
_REGISTRATIONS = text("""
    UPDATE sender_event SET at = at - :ago WHERE at >= :since AND what = 'registered'
""")

_QUEUED = text("""
    UPDATE delivery SET created_at = created_at - :ago, updated_at = updated_at - :ago,
                        send_at = send_at - :ago
    WHERE id = CAST(:id AS uuid)
""")
_STOPPED = text("""
    UPDATE sender SET paused_at = paused_at - :ago,
                      status_changed_at = CASE WHEN status = 'expired'
                                          THEN status_changed_at - :ago
                                          ELSE status_changed_at END
    WHERE alias = :alias
""")
_STOPS = text("""
    UPDATE sender_event SET at = at - :ago
    WHERE id IN (SELECT max(id) FROM sender_event
                 WHERE alias = :alias AND what IN ('expired', 'paused'))
""")


def shift(
    settings: Settings,
    *,
    since: datetime,
    registered: timedelta,
    granted: Mapping[str, timedelta],
    delivered: Mapping[str, timedelta],
) -> None:
    """Move what happened since a moment into the past.

    Args:
        settings: name the database.
        since: when the demo began; what is older stays.
        registered: how long ago the senders were registered.
        granted: alias → how long ago its grant was given. Its end moves with it.
        delivered: delivery id → how long ago it was sent.
    """
    with (
        closing(Database.from_settings(settings)) as database,
        database.transaction() as connection,
    ):
        for delivery_id, ago in delivered.items():
            connection.execute(_DELIVERY, {"id": delivery_id, "ago": ago})
        for alias, ago in granted.items():
            values = {"alias": alias, "ago": ago, "since": since}
            connection.execute(_GRANT, values)
            connection.execute(_GRANT_EVENTS, values)
        values = {"ago": registered, "since": since}
        connection.execute(_SENDERS, values)
        connection.execute(_REGISTRATIONS, values)


def let_wait(
    settings: Settings, *, stopped: Mapping[str, timedelta], queued: Mapping[str, timedelta]
) -> None:
    """Backdate queued mail, so that it has been waiting for a while.

    Args:
        settings: name the database.
        stopped: alias → how long ago it expired, or was paused.
        queued: delivery id → how long ago it was queued.
    """
    with (
        closing(Database.from_settings(settings)) as database,
        database.transaction() as connection,
    ):
        for alias, ago in stopped.items():
            connection.execute(_STOPPED, {"alias": alias, "ago": ago})
            connection.execute(_STOPS, {"alias": alias, "ago": ago})
        for delivery_id, ago in queued.items():
            connection.execute(_QUEUED, {"id": delivery_id, "ago": ago})

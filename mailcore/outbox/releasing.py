"""Letting go what waits for a sender."""

from sqlalchemy import Connection, text

from mailcore.store.wake_up import wake_up

_WAITING = text("""
    SELECT count(*) FROM delivery JOIN sender ON sender.alias = delivery.alias
    WHERE delivery.alias = :alias AND delivery.status = 'queued' AND delivery.held_by IS NULL
      AND delivery.send_at <= now()
      AND sender.status = 'healthy' AND sender.paused_at IS NULL
""")


def release(connection: Connection, alias: str) -> int:
    """Have the workers send what waits for a sender that may send again.

    They hear of it once the running transaction commits.

    Returns:
        How many messages wait for it and go out now.
    """
    wake_up(connection, alias)
    waiting: int = connection.execute(_WAITING, {"alias": alias}).scalar_one()
    return waiting

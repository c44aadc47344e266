"""Changes of many deliveries at once, one after the other: two might wait for each other's rows."""

from sqlmodel import Session

from mailcore.store.sessions import driver

#: Any number that nothing else in the database is likely to lock.
_LOCK = 0x71756575


def begin_bulk_change(session: Session) -> None:
    """Wait until nobody else changes many rows at once.

    Args:
        session: of the transaction that does, and whose end lets the next one begin.
    """
    driver(session).run("SELECT pg_advisory_xact_lock(%(lock)s)", {"lock": _LOCK})

"""One renewal at a time for each sender, across threads and processes.

Whoever renews waits for Google, so it must hold nothing that others need: no connection, no
transaction, no row of the sender. It holds a lease, which ends by itself if its process dies.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID, uuid4

from mailcore import forks
from mailcore.clock import Deadline
from mailcore.errors import DatabaseUnavailable, TemporaryFailure
from mailcore.store.database import Database, patiently

log = logging.getLogger("mailcore")

#: Seconds between looks at a lease that another process holds.
_POLL = 0.1

#: Leases are measured by Postgres' clock alone: hosts disagree. The holder's own claim counts
#: as taken: its answer may have been lost.
_TAKE = """
    INSERT INTO refresh_lease (sender_id, holder, leased_until)
    VALUES (%(sender)s, %(holder)s, now() + %(lease)s)
    ON CONFLICT (sender_id) DO UPDATE
    SET holder = excluded.holder, leased_until = excluded.leased_until
    WHERE refresh_lease.leased_until < now() OR refresh_lease.holder = excluded.holder
    RETURNING holder
"""

_GIVE_BACK = "DELETE FROM refresh_lease WHERE sender_id = %(sender)s AND holder = %(holder)s"


class RefreshLeases:
    """Hands out leases. Threads of this process queue up here, other processes in Postgres.

    Args:
        database: where leases are recorded.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.forget_parent()
        forks.watch(self)

    def forget_parent(self) -> None:
        """Start with no lock held."""
        self._locks: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def hold(self, sender_id: int, *, lease: float, deadline: Deadline) -> Iterator[None]:
        """Be the only one who renews a sender's access.

        Args:
            sender_id: which sender.
            lease: seconds after which a holder that did not give it back counts as dead.
            deadline: until when to wait for the others.

        Raises:
            TemporaryFailure: the others took longer.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        lock = self._locks[sender_id]
        if not lock.acquire(timeout=deadline.seconds_left):
            raise _busy()
        try:
            holder = uuid4()
            try:
                self._take(sender_id, holder, timedelta(seconds=lease), deadline)
                yield
            finally:  # also where it is not known whether it was taken
                self._give_back(sender_id, holder)
        finally:
            lock.release()

    def _take(self, sender_id: int, holder: UUID, lease: timedelta, deadline: Deadline) -> None:
        values = {"sender": sender_id, "holder": holder, "lease": lease}

        def take() -> bool:
            with self._database.connection(deadline) as connection:
                return connection.run(_TAKE, values).fetchone() is not None

        while not patiently(DatabaseUnavailable, deadline)(take):
            if deadline.seconds_left <= _POLL:
                raise _busy()
            time.sleep(_POLL)

    def _give_back(self, sender_id: int, holder: UUID) -> None:
        try:
            with self._database.connection(Deadline(1.0)) as connection:
                connection.run(_GIVE_BACK, {"sender": sender_id, "holder": holder})
        except DatabaseUnavailable as exc:
            # What came of the renewal stands all the same, and the lease ends by itself.
            log.warning("a refresh lease could not be released: %s", exc.message)


def _busy() -> TemporaryFailure:
    return TemporaryFailure(
        "Another job is renewing this sender's access, and Google is taking too long to "
        "respond. Nothing was sent.",
        remedy="Try again later; that is safe.",
    )

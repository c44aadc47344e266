"""Connections that are kept open for the next request."""

import threading
from collections import defaultdict, deque
from collections.abc import Hashable
from datetime import datetime, timedelta

from mailcore.clock import now
from mailcore.google.connection import Connection


class Pool:
    """Keeps connections by where they lead. Thread-safe.

    Args:
        max_idle: seconds after which an idle connection is no longer trusted: a firewall may
            have dropped it silently, and a message put on it would be lost without a word.
    """

    def __init__(self, max_idle: float) -> None:
        self._max_idle = timedelta(seconds=max_idle)
        self._lock = threading.Lock()
        self._idle: defaultdict[Hashable, deque[tuple[datetime, Connection]]] = defaultdict(deque)

    def take(self, route: Hashable) -> Connection | None:
        """Return the connection that was used last, or None where none can be trusted.

        Args:
            route: where it leads.
        """
        while True:
            with self._lock:
                self._drop_old(self._idle[route])
                if not self._idle[route]:
                    return None
                _, connection = self._idle[route].pop()
            if connection.is_connected:
                return connection
            connection.close()

    def put(self, route: Hashable, connection: Connection) -> None:
        """Keep a connection whose last answer was read whole."""
        with self._lock:
            self._drop_old(self._idle[route])
            self._idle[route].append((now(), connection))

    def clear(self) -> None:
        """Close every connection."""
        with self._lock:
            for kept in self._idle.values():
                for _, connection in kept:
                    connection.close()
            self._idle.clear()

    def _drop_old(self, kept: deque[tuple[datetime, Connection]]) -> None:
        # By the wall clock: the monotonic one stands still while a laptop sleeps. One that was
        # put back proves nothing of an age, either.
        while kept and not timedelta(0) <= now() - kept[0][0] < self._max_idle:
            kept.popleft()[1].close()

"""Hearing at once of what was queued. It is a convenience: the workers look by themselves, too."""

import logging
import threading
from collections.abc import Callable

import psycopg

from mailcore.clock import Deadline
from mailcore.errors import PalEMailError
from mailcore.store.bounded_connection import BoundedConnection
from mailcore.store.database import Database
from mailcore.store.wake_up import CHANNEL

log = logging.getLogger("mailcore")

#: Seconds of silence after which the connection is asked whether it is still there.
_SILENCE = 5.0
#: Seconds before a lost connection is replaced.
_PAUSE = 1.0
#: Seconds that the server has to answer.
_PATIENCE = 5.0


class Listener:
    """A connection that waits for notifications, in a thread of its own.

    Behind a pooler in transaction mode it hears nothing, and does no harm.

    Args:
        database: where to listen.
        heard: called with a sender's alias; with None where something may have been missed.
    """

    def __init__(self, database: Database, heard: Callable[[str | None], None]) -> None:
        self._database = database
        self._heard = heard
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mailcore-listener", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._stopping.set()

    def join(self) -> None:
        """Wait until the connection is closed."""
        self._thread.join(_SILENCE + _PATIENCE)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._connected() as connection:
                    connection.execute(f"LISTEN {CHANNEL}".encode())
                    self._heard(None)  # whatever was told before
                    self._listen(connection)
            except (psycopg.Error, PalEMailError) as exc:
                log.info("the connection for the queue's notifications was lost: %s", exc)
                self._stopping.wait(_PAUSE)

    def _connected(self) -> BoundedConnection:
        options = self._database.connect_arguments()
        return BoundedConnection.connect_by(Deadline(_PATIENCE), **options, autocommit=True)

    def _listen(self, connection: BoundedConnection) -> None:
        silent = 0.0
        while not self._stopping.is_set():
            connection.deadline = None
            for notification in connection.notifies(timeout=0.5, stop_after=1):
                self._heard(notification.payload)
                silent = 0.0
            silent += 0.5
            if silent >= _SILENCE:
                connection.deadline = Deadline(_PATIENCE)
                connection.execute("SELECT 1")
                silent = 0.0

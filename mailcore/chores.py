"""What a worker does again and again, beside its queue: each chore in a thread of its own."""

import logging
import threading
from collections.abc import Callable

from mailcore.errors import PalEMailError

log = logging.getLogger("mailcore")


class Chore:
    """Calls something every few seconds until it is stopped.

    What goes wrong is logged once, until it goes well again: the next call may succeed.

    Args:
        name: of the thread, and for the log: what cannot be done.
        call: what to do.
        every: seconds between two calls.
    """

    def __init__(self, name: str, call: Callable[[], None], *, every: float) -> None:
        self._name = name
        self._call = call
        self._every = every
        self._stopping = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name=f"mailcore-{name}", daemon=True)

    def start(self) -> None:
        """Call for the first time."""
        self._thread.start()

    def stop(self) -> None:
        """Call no more."""
        self._stopping.set()

    def join(self, seconds: float) -> None:
        """Wait until a call that is running has ended, for so many seconds at most."""
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._call()
            except PalEMailError as exc:
                self._complain(exc.message)
            except Exception as exc:  # noqa: BLE001 - whatever it is, the next call may succeed
                self._complain(repr(exc))
            else:
                self._failing = False
            self._stopping.wait(self._every)

    def _complain(self, why: str) -> None:
        if not self._failing:
            log.warning("the worker cannot %s: %s", self._name, why)
        self._failing = True

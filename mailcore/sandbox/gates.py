"""Gates that hold requests up, so that a test can run a race in the order that it chooses."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from mailcore.sandbox.counts import Operation


class Gate:
    """A gate: requests of one operation wait at it until it is released.

    Attributes:
        operation: whose requests wait.
        account: only those for this account, or None for all.
        taken: whether they wait after they took effect, just before the answer, instead
            of on arrival.
    """

    def __init__(self, operation: Operation, account: str | None, taken: bool) -> None:
        self.operation = operation
        self.account = account
        self.taken = taken
        self._changed = threading.Condition()
        self._arrivals = 0
        self._released = False
        self._waiting: dict[asyncio.Future[None], asyncio.AbstractEventLoop] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def wait_for_arrivals(self, count: int = 1, timeout: float = 10) -> None:
        """Block until that many requests have come to the gate since it was set up.

        Raises:
            TimeoutError: fewer came within `timeout` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._arrivals >= count, timeout):
                raise TimeoutError(f"{self._arrivals} of {count} requests arrived")

    def release(self) -> None:
        """Open the gate for good."""
        with self._changed:
            self._released = True
            for future, loop in self._waiting.items():
                loop.call_soon_threadsafe(_open, future)

    @property
    def released(self) -> bool:
        """Whether the gate is open."""
        return self._released

    def concerns(self, operation: Operation, account: str | None, taken: bool) -> bool:
        """Return whether such a request has to wait here."""
        return (
            self.operation == operation
            and self.taken == taken
            and self.account in (None, account)
            and not self._released
        )

    @contextmanager
    def arrival(self) -> Iterator[asyncio.Future[None]]:
        """Wait at the gate; yields a future that is done once it is open."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._changed:
            self._arrivals += 1
            self._changed.notify_all()
            if self._released:
                _open(future)
            else:
                self._waiting[future] = loop
        try:
            yield future
        finally:
            with self._changed:
                self._waiting.pop(future, None)


def _open(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)

"""Threads in which calls for asyncio run, so that its loop is not blocked."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from mailcore import forks

Result = TypeVar("Result")

#: Mails that asyncio's callers send at the same time, for one `Mailcore`. The loop's own
#: executor has six threads on two processors, and they are everybody's.
AT_ONCE = 32


class Workers:
    """A pool of threads, made at first use; a forked child makes its own."""

    def __init__(self) -> None:
        self.forget_parent()
        forks.watch(self)

    def forget_parent(self) -> None:
        """Start with no threads."""
        self._pool: ThreadPoolExecutor | None = None
        self._making = threading.Lock()

    async def run(self, call: Callable[[], Result]) -> Result:
        """Call in a thread, with the caller's context variables, and wait for the result.

        Whoever stops waiting does not stop the call.
        """
        with self._making:  # several loops may run in as many threads
            if self._pool is None:
                self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="mailcore")
            pool = self._pool
        running = asyncio.get_running_loop().run_in_executor(pool, copy_context().run, call)
        return await asyncio.shield(running)

    def close(self) -> None:
        """Wait for the calls that still run, and end the threads."""
        with self._making:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()

"""Threads: for asyncio, whose loop must not be blocked, and for what nothing can interrupt."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from mailcore import forks
from mailcore.clock import Deadline

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


def left_behind(
    call: Callable[[], Result],
    deadline: Deadline,
    *,
    discard: Callable[[Result], object] = lambda _: None,
) -> Result:
    """Make a call that nothing can interrupt, and leave it behind once the time is up.

    Args:
        call: goes on in a thread of its own.
        deadline: when to stop waiting for it.
        discard: disposes of a result that comes too late.

    Raises:
        TimeoutError: it did not return in time.
        Exception: what the call raises.
    """
    outcome: Future[Result] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except Exception as exc:  # noqa: BLE001 - raised where it is waited for
            outcome.set_exception(exc)

    try:
        threading.Thread(target=run, name="left behind", daemon=True).start()
    except RuntimeError:  # no thread can begin once the interpreter ends, as in `atexit`
        return call()
    try:
        return outcome.result(deadline.timeout())
    except BaseException:
        outcome.add_done_callback(lambda late: late.exception() or discard(late.result()))
        raise

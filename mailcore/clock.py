"""The one clock: everything that asks for the time asks here."""

import time
from datetime import UTC, datetime

#: Linux' CLOCK_MONOTONIC stands still during a suspend; other systems' counts on.
_COUNTS_ON = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> datetime:
    """Return the current moment, aware, in UTC."""
    return datetime.now(UTC)


def elapsed() -> float:
    """Return seconds since a fixed moment in the past, for measuring how long something takes.

    Unlike `time.monotonic` it counts on while the machine is suspended: a job that wakes up
    must find its deadline passed.
    """
    return time.clock_gettime(_COUNTS_ON)

"""The one clock: everything that asks for the time asks here."""

import time
from datetime import UTC, datetime, timedelta

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


class Deadline:
    """The moment at which waiting ends, by a clock that counts on during a suspend.

    Args:
        seconds: from now.
    """

    __slots__ = ("_end",)

    def __init__(self, seconds: float) -> None:
        self._end = elapsed() + seconds

    @property
    def seconds_left(self) -> float:
        """Seconds until then; never zero, so that timeouts stay valid."""
        return max(self._end - elapsed(), 0.001)

    @property
    def is_over(self) -> bool:
        """The time is up."""
        return elapsed() >= self._end

    def timeout(self) -> float:
        """Return the seconds that are left, for the next thing that can wait.

        Raises:
            TimeoutError: none are.
        """
        if self.is_over:
            raise TimeoutError("the time ran out")
        return self.seconds_left

    def at_most(self, seconds: float) -> "Deadline":
        """Return this deadline, or the one in so many seconds if that is sooner."""
        return Deadline(min(self._end - elapsed(), seconds))

    def before(self, seconds: float) -> "Deadline":
        """Return the deadline that is so many seconds earlier."""
        return Deadline(self._end - elapsed() - seconds)


class ServerClock:
    """Another machine's clock, as it showed once, carried on by ours: hosts disagree.

    Args:
        moment: what it showed just now.
    """

    __slots__ = ("_moment", "_read_at")

    def __init__(self, moment: datetime) -> None:
        self._moment = moment
        self._read_at = elapsed()

    def now(self) -> datetime:
        """Return what it shows now; never later than that."""
        return self._moment + timedelta(seconds=elapsed() - self._read_at)

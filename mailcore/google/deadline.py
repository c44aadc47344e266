"""One deadline for everything that a request waits for."""

import time


class Deadline:
    """The moment at which waiting ends, by the monotonic clock.

    Args:
        seconds: from now.
    """

    __slots__ = ("_end",)

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left; negative once it is over."""
        return self._end - time.monotonic()

    def timeout(self) -> float:
        """Return the seconds that are left, for the next thing that can wait.

        Raises:
            TimeoutError: none are.
        """
        left = self.left
        if left <= 0:
            raise TimeoutError("the time was up")
        return left

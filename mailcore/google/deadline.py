"""One deadline for everything that a request waits for."""

from mailcore.clock import elapsed


class Deadline:
    """The moment at which waiting ends, by a clock that counts on during a suspend.

    Args:
        seconds: from now.
    """

    __slots__ = ("_end",)

    def __init__(self, seconds: float) -> None:
        self._end = elapsed() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left; negative once it is over."""
        return self._end - elapsed()

    def timeout(self) -> float:
        """Return the seconds that are left, for the next thing that can wait.

        Raises:
            TimeoutError: none are.
        """
        left = self.left
        if left <= 0:
            raise TimeoutError("the time was up")
        return left

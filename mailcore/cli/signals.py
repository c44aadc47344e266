"""Ending in good order on Ctrl-C, SIGTERM, and a terminal that is closed."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_Handler = Callable[[int, FrameType | None], None]

_STOP = (signal.SIGINT, signal.SIGTERM)


class Stopped(SystemExit):
    """This process was told to stop, which is no failure."""

    def __init__(self) -> None:
        super().__init__(0)


@contextmanager
def exiting_on_signals() -> Iterator[None]:
    """Exit with 0 when told to stop, by an exception: what was started is stopped on its way."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Stopped

    with _handled_by(stop), _hangup_is_stop():
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """Put a stop off to the end of the block, for what must not be left half done.

    Raises:
        Stopped: a stop was asked for meanwhile.
    """
    came: list[int] = []
    try:
        with _handled_by(lambda number, _frame: came.append(number)):
            yield
    finally:
        if came:
            raise Stopped


@contextmanager
def _handled_by(handler: _Handler) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in _STOP}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


@contextmanager
def _hangup_is_stop() -> Iterator[None]:
    # Windows knows no SIGHUP; nohup has it ignored, which is to stay so.
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None or signal.getsignal(hangup) is signal.SIG_IGN:
        yield
        return
    before = signal.signal(hangup, lambda *_: signal.raise_signal(signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(hangup, before)

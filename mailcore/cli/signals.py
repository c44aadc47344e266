"""Shutting down cleanly on Ctrl-C, SIGTERM, and when the terminal closes."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_Handler = Callable[[int, FrameType | None], None]

_STOP = (signal.SIGINT, signal.SIGTERM)


class Stopped(SystemExit):
    """The process was told to stop, which is not a failure."""

    def __init__(self) -> None:
        super().__init__(0)


@contextmanager
def exiting_on_signals() -> Iterator[None]:
    """Exit with 0 when told to stop, by an exception, so that context managers clean up."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Stopped

    with _handled_by(stop), _hangup_is_stop():
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """Delay a stop until the end of the block, which must not be interrupted.

    Raises:
        Stopped: the process was told to stop meanwhile.
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
    # Windows has no SIGHUP; under nohup it is ignored, and stays so.
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None or signal.getsignal(hangup) is signal.SIG_IGN:
        yield
        return
    before = signal.signal(hangup, lambda *_: signal.raise_signal(signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(hangup, before)

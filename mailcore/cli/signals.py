"""Shutting down cleanly on Ctrl-C, SIGTERM, and when the terminal closes."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from mailcore.cli import output

_Handler = Callable[[int, FrameType | None], None]

#: Seconds after which whoever waits for a signal looks up.
_WAKES_UP = 0.5

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
def until_stopped() -> Iterator[None]:
    """Serve until told to stop, and say so once nothing is left running."""
    with suppress(Stopped), exiting_on_signals():
        yield
    output.say("Stopped.")


def wait_for_signal() -> None:
    """Wait until a signal's handler raises.

    The system may hand a signal to any thread, while handlers run in this one, and only once it
    wakes up.
    """
    never = threading.Event()
    while not never.wait(_WAKES_UP):
        pass


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

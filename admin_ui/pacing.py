"""Lists refresh themselves every few seconds; one that takes long to read, less often."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar, cast

import streamlit as st

from mailcore import PalEMailError

_LAST = "last reading"
#: What took a second is read again after that many seconds: it loads the database by 5 %.
_PAUSE = 20.0

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was read last, how long that took, and when it ended, in seconds."""

    asked: Hashable
    outcome: object
    took: float
    at: float

    def answers(self, asked: Hashable) -> bool:
        return asked == self.asked and time.monotonic() - self.at < _PAUSE * self.took


def paced(asked: Hashable, read: Callable[[], Read]) -> Read:
    """Read, or return what was read for the same question where that took long just now.

    Args:
        asked: everything that decides what is read.
        read: reads it; its error is kept as well.

    Raises:
        PalEMailError: what `read` raises.
    """
    last: _Reading | None = st.session_state.get(_LAST)
    if last is None or not last.answers(asked):
        last = st.session_state[_LAST] = _read(asked, read)
    if isinstance(last.outcome, PalEMailError):
        raise last.outcome
    return cast("Read", last.outcome)


def forget() -> None:
    """Read anew, because the page is drawn anew: something was clicked or typed."""
    st.session_state.pop(_LAST, None)


def _read(asked: Hashable, read: Callable[[], object]) -> _Reading:
    begun = time.monotonic()
    outcome: object
    try:
        outcome = read()
    except PalEMailError as exc:
        outcome = exc
    ended = time.monotonic()
    return _Reading(asked, outcome, ended - begun, ended)

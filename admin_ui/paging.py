"""Which stretch of a long list is shown."""

from collections.abc import Callable
from typing import Protocol, TypeVar

import streamlit as st

#: As many rows as a browser draws without a pause.
PER_PAGE = 25

_PAGE = "page"


class Stretch(Protocol):
    """Some rows of a list, and how many there are in all."""

    @property
    def matching(self) -> int:
        """How many rows the whole list has."""


Read = TypeVar("Read", bound=Stretch)


def fetch(read: Callable[[int], Read]) -> Read:
    """Return the page that was asked for, or the last one if the list has become shorter.

    Args:
        read: reads `PER_PAGE` rows from an offset on.
    """
    number: int = st.session_state.get(_PAGE, 1)
    page = read((number - 1) * PER_PAGE)
    last = max(_pages(page.matching), 1)
    if number <= last:
        return page
    st.session_state[_PAGE] = last
    return read((last - 1) * PER_PAGE)


def draw(matching: int) -> None:
    """Draw the way to the other pages, if there are any."""
    if matching > PER_PAGE:
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.pagination(_pages(matching), key=_PAGE)


def to_first() -> None:
    """Go back to the first page: another filter makes another list."""
    st.session_state[_PAGE] = 1


def _pages(matching: int) -> int:
    return -(-matching // PER_PAGE)

"""Pages of a long list."""

from collections.abc import Callable
from typing import Protocol, TypeVar

import streamlit as st

#: As many rows as a browser draws without a noticeable delay.
PER_PAGE = 25

_PAGE = "page"


class ListPage(Protocol):
    """Some rows of a list, and how many there are in all."""

    @property
    def matching(self) -> int:
        """How many rows the whole list has."""


Read = TypeVar("Read", bound=ListPage)


def fetch(read: Callable[[int], Read]) -> Read:
    """Return the requested page, or the last one if the list has become shorter.

    Args:
        read: reads `PER_PAGE` rows, starting at an offset.
    """
    number: int = st.session_state.get(_PAGE, 1)
    page = read((number - 1) * PER_PAGE)
    last = max(_pages(page.matching), 1)
    if number <= last:
        return page
    st.session_state[_PAGE] = last
    return read((last - 1) * PER_PAGE)


def draw(matching: int) -> None:
    """Draw the page numbers, if there is more than one page."""
    if matching > PER_PAGE:
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.pagination(_pages(matching), key=_PAGE)


def to_first() -> None:
    """Go back to the first page, because a filter has changed."""
    st.session_state[_PAGE] = 1


def _pages(matching: int) -> int:
    return -(-matching // PER_PAGE)

"""Pages of a long list."""

from collections.abc import Callable
from functools import partial
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


Rows_co = TypeVar("Rows_co", bound=ListPage, covariant=True)


class Read(Protocol[Rows_co]):
    """Reads some rows of a list."""

    def __call__(self, *, offset: int, limit: int) -> Rows_co:
        """Return at most `limit` rows, starting at `offset`."""


def requested(read: Read[Rows_co]) -> Callable[[], Rows_co]:
    """Return what reads the requested page, or the last one if the list has become shorter.

    It may be called from any thread, if `read` may.
    """
    return partial(_fetch, read, st.session_state.get(_PAGE, 1))


def _fetch(read: Read[Rows_co], number: int) -> Rows_co:
    page = read(offset=(number - 1) * PER_PAGE, limit=PER_PAGE)
    last = max(_pages(page.matching), 1)
    return page if number <= last else read(offset=(last - 1) * PER_PAGE, limit=PER_PAGE)


def draw(matching: int) -> None:
    """Draw the page numbers, if there is more than one page."""
    last = max(_pages(matching), 1)
    if st.session_state.get(_PAGE, 1) > last:
        st.session_state[_PAGE] = last
    if last > 1:
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.pagination(last, key=_PAGE)


def to_first() -> None:
    """Go back to the first page, because a filter has changed."""
    st.session_state[_PAGE] = 1


def _pages(matching: int) -> int:
    return -(-matching // PER_PAGE)

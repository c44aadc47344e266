"""Pages of a long list."""

from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

import streamlit as st

from admin_ui import address

#: As many rows as a browser draws without a noticeable delay.
PER_PAGE = 25

#: What the page's number is called in the address.
PAGE = "page"
_KEY, _TURNED = "page-number", "page-turned"
_TO_TOP = "<script>document.querySelector('[data-testid=stMain]').scrollTo(0, 0)</script>"
#: No list is longer; Postgres would not take the offset of a page that somebody made up.
_MOST = 1_000_000


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


def requested(place: str, read: Read[Rows_co]) -> Callable[[], Rows_co]:
    """Return what reads the requested page, or the last one if the list has become shorter.

    It may be called from any thread, if `read` may.

    Args:
        place: the page with the list, as in `admin_ui.address`.
        read: reads the list.
    """
    return partial(_fetch, read, _number(place))


def _number(place: str) -> int:
    asked = address.read(place, PAGE)
    return min(max(int(asked), 1), _MOST) if asked.isdecimal() else 1


def _fetch(read: Read[Rows_co], number: int) -> Rows_co:
    page = read(offset=(number - 1) * PER_PAGE, limit=PER_PAGE)
    last = max(_pages(page.matching), 1)
    return page if number <= last else read(offset=(last - 1) * PER_PAGE, limit=PER_PAGE)


def draw(place: str, matching: int) -> None:
    """Draw the page numbers, if there is more than one page."""
    last = max(_pages(matching), 1)
    number = min(_number(place), last)
    _choose(place, number)
    if last > 1:
        if st.session_state.get(_KEY, 1) != number:  # Streamlit's own default is 1
            st.session_state[_KEY] = number
        with st.container(horizontal_alignment="center", key="pages"):
            st.pagination(last, key=_KEY, on_change=partial(_turn, place))
    if st.session_state.pop(_TURNED, False):
        st.html(_TO_TOP, unsafe_allow_javascript=True)


def to_first(place: str) -> None:
    """Go back to the first page, because a filter has changed."""
    _choose(place, 1)


def _turn(place: str) -> None:
    _choose(place, st.session_state[_KEY])
    st.session_state[_TURNED] = True


def _choose(place: str, number: int) -> None:
    address.write(place, PAGE, "" if number == 1 else str(number))


def _pages(matching: int) -> int:
    return -(-matching // PER_PAGE)

"""The one dialog that may be open.

Streamlit closes a dialog whenever a run doesn't call it. So the session state keeps
which one is open, and every page draws it last.
"""

from typing import Protocol

import streamlit as st

from admin_ui import access, error_notices
from admin_ui.access import Visitor

_OPEN = "dialog"
_FLASH = "flash"


class Dialog(Protocol):
    """A heading, and a way to draw what is under it."""

    @property
    def title(self) -> str:
        """The heading, in Markdown."""

    def draw(self, visitor: Visitor) -> None:
        """Draw what is under the heading."""


def show(dialog: Dialog) -> None:
    """Open a dialog, replacing any other, and rerun the page."""
    st.session_state[_OPEN] = dialog
    st.rerun()


def close(message: str | None = None) -> None:
    """Close the dialog, and show a message briefly. Markdown."""
    _forget()
    if message:
        flash(message)
    st.rerun()


def flash(message: str) -> None:
    """Show a message briefly when the page is next drawn. Markdown."""
    st.session_state[_FLASH] = message


def is_open() -> bool:
    """Say whether a dialog is open."""
    return _OPEN in st.session_state


def draw() -> None:
    """Draw the dialog that is open, if any is."""
    dialog: Dialog | None = st.session_state.get(_OPEN)
    if dialog is None:
        return

    @st.dialog(dialog.title, on_dismiss=_forget)
    def opened() -> None:
        with error_notices.explained():
            dialog.draw(access.visitor())

    opened()


def draw_flash() -> None:
    """Draw, once, the message of the last action."""
    if message := st.session_state.pop(_FLASH, None):
        st.toast(message, icon=":material/check_circle:")


def _forget() -> None:
    st.session_state.pop(_OPEN, None)

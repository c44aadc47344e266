"""What a person sees when the database or the deployment is in trouble.

Never a traceback, and never a page that has to be reloaded by hand.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from admin_ui.access import visitor
from admin_ui.markup import escaped
from mailcore import ConfigurationError, DatabaseUnavailable, PalEMailError

#: How often a page that shows an outage looks again, in seconds.
LOOK_AGAIN = 3
#: What keeps the whole page from being drawn, and may be over a moment later.
OUTAGES = (DatabaseUnavailable, ConfigurationError)


@contextmanager
def explained() -> Iterator[None]:
    """Draw what mailcore raises as a notice, in the place of what was to be drawn."""
    try:
        yield
    except PalEMailError as exc:
        draw(exc)


@contextmanager
def recovering() -> Iterator[None]:
    """As `explained`, for a whole page: it draws itself again once the trouble is over."""
    try:
        yield
    except PalEMailError as exc:
        draw(exc)
        if isinstance(exc, OUTAGES):
            _return_when_over()


def draw(exc: PalEMailError) -> None:
    """Draw one error, with what to do about it."""
    if isinstance(exc, DatabaseUnavailable):
        st.warning(
            "No mail is lost: jobs are told that nothing was sent. This page looks again every "
            "few seconds and comes back by itself.",
            title="The database cannot be reached",
            icon=":material/cloud_off:",
        )
        return
    st.error(escaped(str(exc)).replace("\n", "  \n"), icon=":material/error:")


def unforeseen(exc: Exception) -> bool:
    """Draw an error that nobody caught, instead of a traceback.

    Returns:
        True: Streamlit is to show nothing of its own. It has logged the error.
    """
    if isinstance(exc, PalEMailError):
        draw(exc)
    else:
        st.error(
            "Something went wrong that should not have. Reload the page; the server's log has "
            "the details.",
            icon=":material/error:",
        )
    return True


@st.fragment(run_every=LOOK_AGAIN)
def _return_when_over() -> None:
    try:
        visitor().core.senders.page(limit=1)
    except OUTAGES:
        st.caption("Looking again …")
        return
    st.rerun()

"""Errors as notices: never a traceback, and never a page that has to be reloaded by hand."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from admin_ui.access import visitor
from admin_ui.markup import sentence
from mailcore import (
    ConfigurationError,
    DatabaseUnavailable,
    OutcomeUnknown,
    PalEMailError,
    ReauthRequired,
)

#: How often a page that shows an outage tries again, in seconds.
RETRY_EVERY = 3
#: Errors that keep the whole page from being drawn, and may be over a moment later.
OUTAGES = (DatabaseUnavailable, ConfigurationError)

#: What to do on this page, in Markdown. For other errors, what mailcore says holds here, too.
_WAYS_OUT: dict[type[PalEMailError], str] = {
    ReauthRequired: "Click **Re-auth** to fix this.",
    OutcomeUnknown: (
        "Check the account's *Sent* folder, then decide on the **Deliveries** page whether to "
        "send it again."
    ),
}


@contextmanager
def explained() -> Iterator[None]:
    """Draw a notice for any error that mailcore raises inside the block."""
    try:
        yield
    except PalEMailError as exc:
        draw(exc)


@contextmanager
def recovering() -> Iterator[None]:
    """As `explained`, for a whole page, which comes back by itself once the outage is over."""
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
            "Jobs get an error that says so. This page tries again every few seconds and "
            "recovers by itself.",
            title="The database cannot be reached",
            icon=":material/cloud_off:",
        )
        return
    text = sentence(exc.message).replace("\n", "  \n")
    way_out = _WAYS_OUT.get(type(exc), sentence(exc.remedy or ""))
    st.error(f"{text} {way_out}".strip(), icon=":material/error:")


def unforeseen(exc: Exception) -> bool:
    """Draw an error that nothing caught, instead of a traceback.

    Returns:
        True: Streamlit, which has logged the error, shows nothing of its own.
    """
    if isinstance(exc, PalEMailError):
        draw(exc)
    else:
        st.error(
            "Something unexpected went wrong. Reload the page; the server's log has the details.",
            icon=":material/error:",
        )
    return True


@st.fragment(run_every=RETRY_EVERY)
def _return_when_over() -> None:
    try:
        visitor().core.senders.page(limit=1)
    except OUTAGES:
        st.caption("Trying again …")
        return
    st.rerun()

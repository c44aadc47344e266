"""The log of all messages, and the ones with unknown outcome."""

from datetime import timedelta
from typing import Any

import streamlit as st

from admin_ui import (
    access,
    dialogs,
    error_notices,
    heading,
    pacing,
    paging,
    queue_actions,
    timezone,
    wording,
)
from admin_ui.delivery_rows import draw_deliveries
from mailcore import DeliveryPage, DeliveryStatus, now

#: How often the list is refreshed, in seconds.
REFRESH_EVERY = 4
#: How long a person waits for a search, in seconds.
SEARCH_TIMEOUT = 5.0

TIMES = {
    "Last hour": timedelta(hours=1),
    "Last 24 hours": timedelta(days=1),
    "Last 7 days": timedelta(days=7),
    "Last 30 days": timedelta(days=30),
}

_FILTERS = _TEXT, _SENDER, _OUTCOME, _SINCE = "text", "sender", "outcome", "since"


def draw() -> None:
    """Draw the page."""
    pacing.forget()
    heading.draw("Deliveries")
    _draw_filters()
    _draw_list()
    dialogs.draw()


def _draw_filters() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        st.text_input(
            "Subject or recipient",
            type="search",
            live=True,
            key=_TEXT,
            bind="query-params",
            on_change=paging.to_first,
        )
        st.text_input(
            "Sender",
            placeholder="Any alias",
            key=_SENDER,
            bind="query-params",
            on_change=paging.to_first,
        )
        st.selectbox(
            "Outcome",
            list(DeliveryStatus),
            index=None,
            placeholder="Any",
            format_func=lambda status: wording.delivery_badge(status).word,
            key=_OUTCOME,
            bind="query-params",
            on_change=paging.to_first,
        )
        st.selectbox(
            "Time",
            list(TIMES),
            index=None,
            placeholder="Any time",
            key=_SINCE,
            bind="query-params",
            on_change=paging.to_first,
        )
        if _filtered():
            st.button("Clear filters", icon=":material/filter_alt_off:", on_click=_show_all)
        queue_actions.draw(_chosen)


def _filtered() -> bool:
    return any(st.session_state.get(key) for key in _FILTERS)


def _show_all() -> None:
    st.session_state.update(dict.fromkeys(_FILTERS))
    paging.to_first()


@st.fragment(run_every=REFRESH_EVERY)
def _draw_list() -> None:
    with error_notices.explained():
        page = paging.fetch(_read)
        if not page.deliveries:
            nothing = "No deliveries match." if _filtered() else "Nothing has been sent yet."
            st.info(nothing, icon=":material/inbox:")
            return
        draw_deliveries(page.deliveries, timezone.zone())
        paging.draw(page.matching)


def _read(offset: int) -> DeliveryPage:
    asked = (offset, *(st.session_state.get(key) for key in _FILTERS))
    return pacing.paced(asked, lambda: _search(offset))


def _search(offset: int) -> DeliveryPage:
    return access.visitor().core.deliveries.page(
        **_chosen(), offset=offset, limit=paging.PER_PAGE, timeout=SEARCH_TIMEOUT
    )


def _chosen() -> dict[str, Any]:
    length = TIMES.get(st.session_state.get(_SINCE) or "")
    return {
        "alias": (st.session_state.get(_SENDER) or "").strip() or None,
        "status": st.session_state.get(_OUTCOME),
        "since": now() - length if length else None,
        "search": (st.session_state.get(_TEXT) or "").strip(),
    }


draw()

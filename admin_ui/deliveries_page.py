"""The log of all messages, and the ones with unknown outcome."""

from datetime import timedelta
from typing import Any

import streamlit as st

from admin_ui import (
    access,
    address,
    dialogs,
    heading,
    live,
    paging,
    queue_actions,
    timezone,
    wording,
)
from admin_ui.delivery_rows import draw_deliveries
from mailcore import DeliveryPage, DeliveryStatus, now

#: How long a person waits for a search, in seconds.
SEARCH_TIMEOUT = 5.0

TIMES = {
    "Last hour": timedelta(hours=1),
    "Last 24 hours": timedelta(days=1),
    "Last 7 days": timedelta(days=7),
    "Last 30 days": timedelta(days=30),
}

_PLACE = "deliveries"
_FILTERS = _TEXT, _SENDER, _OUTCOME, _SINCE = "text", "sender", "outcome", "since"


def draw() -> None:
    """Draw the page."""
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
            on_change=_to_first,
        )
        st.text_input(
            "Sender",
            placeholder="Any alias",
            key=_SENDER,
            bind="query-params",
            on_change=_to_first,
        )
        st.selectbox(
            "Outcome",
            list(DeliveryStatus),
            index=None,
            placeholder="Any",
            format_func=lambda status: wording.delivery_badge(status).word,
            key=_OUTCOME,
            bind="query-params",
            on_change=_to_first,
        )
        st.selectbox(
            "Time",
            list(TIMES),
            index=None,
            placeholder="Any time",
            key=_SINCE,
            bind="query-params",
            on_change=_to_first,
        )
        if _filtered():
            st.button("Clear filters", icon=":material/filter_alt_off:", on_click=_show_all)
        queue_actions.draw(_chosen)


def _filtered() -> bool:
    return any(st.session_state.get(key) for key in _FILTERS)


def _to_first() -> None:
    paging.to_first(_PLACE)


def _show_all() -> None:
    st.session_state.update(dict.fromkeys(_FILTERS))
    _to_first()


@st.fragment
def _draw_list() -> None:
    live.draw(
        "deliveries", paging.requested(_PLACE, _query()), _draw_page, as_shown=lambda page: page
    )


def _query() -> paging.Read[DeliveryPage]:
    log = access.visitor().core.deliveries
    chosen, ago = _chosen(), TIMES.get(st.session_state.get(_SINCE) or "")

    def query(**rows: Any) -> DeliveryPage:
        # Counted back from the moment of reading, which is later than this one.
        since = {"since": now() - ago} if ago else {}
        return log.page(**{**chosen, **since}, timeout=SEARCH_TIMEOUT, **rows)

    return query


def _draw_page(page: DeliveryPage) -> None:
    if page.deliveries:
        draw_deliveries(page.deliveries, timezone.zone())
        paging.draw(_PLACE, page.matching)
        address.draw(_PLACE)
    else:
        nothing = "No deliveries match." if _filtered() else "Nothing has been sent yet."
        st.info(nothing, icon=":material/inbox:")


def _chosen() -> dict[str, Any]:
    length = TIMES.get(st.session_state.get(_SINCE) or "")
    return {
        "alias": (st.session_state.get(_SENDER) or "").strip() or None,
        "status": st.session_state.get(_OUTCOME),
        "since": now() - length if length else None,
        "search": (st.session_state.get(_TEXT) or "").strip(),
    }


draw()

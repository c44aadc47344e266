"""The log of all messages, and the ones with unknown outcome."""

from collections.abc import Collection
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

#: Each outcome by its word, which also stands in the address.
_OUTCOMES = {wording.delivery_badge(status).word: status for status in DeliveryStatus}

_PLACE = "deliveries"
_FILTERS = _TEXT, _SENDER, _OUTCOME, _SINCE = "text", "sender", "outcome", "since"


def draw() -> None:
    """Draw the page."""
    heading.draw("Deliveries")
    _arrive()
    _draw_filters()
    _draw_list()
    dialogs.draw()


def _arrive() -> None:
    """Take the filter from the address that led here: from a link, a reload or Back."""
    if _TEXT in st.session_state:
        return
    address.arrive(_PLACE, (*_FILTERS, paging.PAGE))
    known: dict[str, Collection[str]] = {_OUTCOME: _OUTCOMES, _SINCE: TIMES}
    for name in _FILTERS:
        asked = address.read(_PLACE, name)
        st.session_state[name] = asked if asked in known.get(name, [asked]) else None


def _draw_filters() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        st.text_input(
            "Subject or recipient",
            type="search",
            live=True,
            key=_TEXT,
            on_change=_choose,
        )
        st.text_input(
            "Sender",
            placeholder="Any alias",
            key=_SENDER,
            on_change=_choose,
        )
        st.selectbox(
            "Outcome",
            _OUTCOMES,
            index=None,
            placeholder="Any",
            key=_OUTCOME,
            on_change=_choose,
        )
        st.selectbox(
            "Time",
            list(TIMES),
            index=None,
            placeholder="Any time",
            key=_SINCE,
            on_change=_choose,
        )
        if _filtered():
            st.button("Clear filters", icon=":material/filter_alt_off:", on_click=_show_all)
        queue_actions.draw(_chosen)


def _filtered() -> bool:
    return any(st.session_state.get(key) for key in _FILTERS)


def _choose() -> None:
    for name in _FILTERS:
        address.write(_PLACE, name, (st.session_state.get(name) or "").strip())
    paging.to_first(_PLACE)


def _show_all() -> None:
    st.session_state.update({_TEXT: "", _SENDER: "", _OUTCOME: None, _SINCE: None})
    _choose()


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
    else:
        nothing = "No deliveries match." if _filtered() else "Nothing has been sent yet."
        st.info(nothing, icon=":material/inbox:")
    address.draw(_PLACE)


def _chosen() -> dict[str, Any]:
    length = TIMES.get(st.session_state.get(_SINCE) or "")
    return {
        "alias": (st.session_state.get(_SENDER) or "").strip() or None,
        "status": _OUTCOMES.get(st.session_state.get(_OUTCOME) or ""),
        "since": now() - length if length else None,
        "search": (st.session_state.get(_TEXT) or "").strip(),
    }


draw()

"""The log of every message that anyone asked to send, and the open questions in it."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import streamlit as st

from admin_ui import access, dialogs, outages, wording
from admin_ui.delivery_rows import draw_deliveries
from mailcore import DeliveryPage, DeliveryStatus, now

PER_PAGE = 25
#: How often the list looks at the database again, in seconds.
LOOK_AGAIN = 4

TIMES = {
    "Any time": None,
    "Last hour": timedelta(hours=1),
    "Last 24 hours": timedelta(days=1),
    "Last 7 days": timedelta(days=7),
    "Last 30 days": timedelta(days=30),
}

_SENDER, _OUTCOME, _SINCE, _TEXT, _PAGE = "sender", "outcome", "since", "text", "page"


def draw() -> None:
    """Draw the page."""
    st.title("Deliveries", anchor=False)
    _draw_filters()
    _draw_list()
    dialogs.draw()


def _draw_filters() -> None:
    with st.container(horizontal=True, gap="xsmall"):
        st.text_input(
            "Subject or recipient", type="search", live=True, key=_TEXT, on_change=_to_first_page
        )
        st.text_input(
            "Sender",
            placeholder="any alias",
            key=_SENDER,
            bind="query-params",
            on_change=_to_first_page,
            width=170,
        )
        st.selectbox(
            "Outcome",
            [None, *DeliveryStatus],
            format_func=lambda status: wording.delivery_badge(status).word if status else "Any",
            key=_OUTCOME,
            on_change=_to_first_page,
            width=170,
        )
        st.selectbox("Time", list(TIMES), key=_SINCE, on_change=_to_first_page, width=170)


@st.fragment(run_every=LOOK_AGAIN)
def _draw_list() -> None:
    with outages.explained():
        page = _fetch()
        if not page.deliveries:
            st.info("No delivery matches.", icon=":material/inbox:")
            return
        draw_deliveries(page.deliveries, ZoneInfo(st.context.timezone or "UTC"))
        if page.matching > PER_PAGE:
            with st.container(horizontal_alignment="center"):
                st.pagination(-(-page.matching // PER_PAGE), key=_PAGE)


def _fetch() -> DeliveryPage:
    length = TIMES[st.session_state.get(_SINCE, "Any time")]
    return access.desk().core.deliveries.page(
        alias=(st.session_state.get(_SENDER) or "").strip() or None,
        status=st.session_state.get(_OUTCOME),
        since=now() - length if length else None,
        search=(st.session_state.get(_TEXT) or "").strip(),
        offset=(st.session_state.get(_PAGE, 1) - 1) * PER_PAGE,
        limit=PER_PAGE,
    )


def _to_first_page() -> None:
    st.session_state[_PAGE] = 1


draw()

"""The script that Streamlit runs at every visit and click: the bar, and the requested page."""

from pathlib import Path

import streamlit as st

from admin_ui import access, dialogs, error_notices, markup, page_title
from admin_ui.navigation import PAGES, SENDERS, PageEntry

HERE = Path(__file__).parent


def draw() -> None:
    """Draw the page that the URL names, below the navigation bar."""
    # Every browser would fetch a Material icon from Google's servers.
    st.set_page_config(page_icon=HERE / "icon.svg", layout="wide")
    st.html(HERE / "style.css")
    with st.container(key="connection"):
        script = (HERE / "connection.js").read_text(encoding="utf-8")
        st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)
    with st.container(horizontal_alignment="center"), st.container(width=1120):
        bar = st.container(horizontal=True, vertical_alignment="center", key="bar")
        bar.image(HERE / "logo.svg", alt="pal-e-mail")
        visitor = access.visitor()
        pages = {entry: _page(entry) for entry in PAGES}
        # On a phone, Streamlit hides its own navigation behind an unlabelled icon.
        page = st.navigation(list(pages.values()), position="hidden")
        page_title.draw(page.title)
        with bar:
            _draw_links([pages[entry] for entry in PAGES if entry.in_bar])
            if access.can_log_out():
                _draw_log_out(visitor.by)
        dialogs.draw_flash()
        with error_notices.recovering():
            page.run()


def _page(entry: PageEntry) -> st.Page:
    return st.Page(
        entry.script,
        title=entry.title,
        icon=f":material/{entry.icon}:",
        url_path=entry.path,
        default=entry is SENDERS,
    )


def _draw_links(pages: list[st.Page]) -> None:
    with st.container(horizontal=True, width="content", gap="xsmall", key="links"):
        for page in pages:
            st.page_link(page)


def _draw_log_out(who: str) -> None:
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        st.markdown(markup.quiet(markup.escaped(f"Logged in as {who}")), width="content")
        st.button("Log out", type="tertiary", icon=":material/logout:", on_click=access.log_out)


draw()

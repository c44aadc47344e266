"""What Streamlit runs at every visit and click: who is looking, and which page they want."""

from pathlib import Path

import streamlit as st

from admin_ui import access, dialogs, error_notices, markup
from admin_ui.navigation import PAGES, SENDERS, Address

HERE = Path(__file__).parent


def draw() -> None:
    """Draw the page that the address names, under a bar that leads to the others."""
    # A Material icon would be fetched from Google's servers by every browser.
    st.set_page_config(page_title="pal-e-mail", page_icon=HERE / "icon.svg", layout="wide")
    st.html(HERE / "style.css")
    with st.container(horizontal_alignment="center"), st.container(width=1120):
        bar = st.container(horizontal=True, vertical_alignment="center", key="bar")
        bar.image(HERE / "logo.svg", alt="pal-e-mail")
        visitor = access.visitor()
        pages = {address: _page(address) for address in PAGES}
        # Streamlit's own navigation hides behind an unlabelled symbol on a phone.
        page = st.navigation(list(pages.values()), position="hidden")
        with bar:
            _draw_links([pages[address] for address in PAGES if address.offered])
            if access.can_log_out():
                _draw_log_out(visitor.by)
        dialogs.draw_flash()
        with error_notices.recovering():
            page.run()


def _page(address: Address) -> st.Page:
    return st.Page(
        address.script,
        title=address.title,
        icon=f":material/{address.icon}:",
        url_path=address.path,
        default=address is SENDERS,
    )


def _draw_links(pages: list[st.Page]) -> None:
    with st.container(horizontal=True, width="content", gap="xsmall", key="links"):
        for page in pages:
            st.page_link(page)


def _draw_log_out(who: str) -> None:
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        st.markdown(markup.quiet(markup.escaped(f"Logged in as {who}")), width="content")
        st.button("Log out", type="tertiary", icon=":material/logout:", on_click=st.logout)


draw()

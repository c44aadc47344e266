"""What Streamlit runs at every visit and click: who is looking, and which page they want."""

from pathlib import Path

import streamlit as st

from admin_ui import access, dialogs, outages

HERE = Path(__file__).parent
PAGES = (
    ("senders_page.py", "Senders", "outgoing_mail", "home", "visible"),
    ("deliveries_page.py", "Deliveries", "receipt_long", "deliveries", "visible"),
    ("setup_page.py", "Setup", "settings", "setup", "visible"),
    ("sender_page.py", "Sender", "mail", "sender", "hidden"),
)


def draw() -> None:
    """Draw the page that the address names."""
    # A Material icon would be fetched from Google's servers by every browser.
    st.set_page_config(page_title="pal-e-mail", page_icon=HERE / "icon.svg", layout="wide")
    st.logo(HERE / "logo.svg", size="large")
    st.html(HERE / "style.css")
    with st.container(horizontal_alignment="center"), st.container(width=1120):
        _draw_page()


def _draw_page() -> None:
    desk = access.desk()
    page = st.navigation(
        [
            st.Page(
                script,
                title=title,
                icon=f":material/{icon}:",
                url_path=path,
                default=path == "home",
                visibility="visible" if visibility == "visible" else "hidden",
            )
            for script, title, icon, path, visibility in PAGES
        ],
        position="top",
    )
    dialogs.draw_flash()
    with outages.recovering():
        page.run()
    if access.can_log_out():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"Logged in as {desk.by}")
            st.button("Log out", type="tertiary", icon=":material/logout:", on_click=st.logout)


draw()

"""What the senders page says of alerts: that nobody would be told, or that nobody was."""

import streamlit as st

from admin_ui.markup import sentence
from mailcore import AlertHealth, describe_age, now


def as_shown(health: AlertHealth) -> object:
    """Reduce it to what can be seen."""
    silent = health.silent_since and describe_age(health.silent_since, now())
    return health.channels > 0, silent, health.error


def draw(health: AlertHealth) -> None:
    """Draw a notice; nothing if alerts reach somebody."""
    if not health.channels:
        _draw_line("Nobody is told when a sender expires: no channel for alerts is in use.")
    elif health.silent_since is not None:
        age = describe_age(health.silent_since, now())
        st.error(
            sentence(health.error or "A channel has not taken them."),
            title=f"Alerts don't arrive: one was due {age}",
            icon=":material/notifications_off:",
        )
        _draw_line("The channels are on the Setup page.")


def _draw_line(text: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(text, width="content")
        st.page_link("setup_page.py", label="Alert channels", icon=":material/notifications:")

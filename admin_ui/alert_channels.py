"""Where alerts go: the part of the Setup page that shows, adds, tests and removes channels."""

import streamlit as st

from admin_ui import dialogs, error_notices, heading
from admin_ui.access import Visitor
from admin_ui.markup import escaped, quiet, sentence
from mailcore import AlertChannel, describe_age, now

_SERVICES = "https://github.com/caronc/apprise#supported-notifications"


def draw(visitor: Visitor) -> None:
    """Draw the channels."""
    with st.container(border=True), error_notices.recovering():
        heading.section("4. Be told before senders expire")
        channels = visitor.core.alerts.channels()
        if not channels:
            st.warning(
                "No channel is set up, or no worker that has one is running. Nobody is told.",
                icon=":material/notifications_off:",
            )
        for channel in channels:
            _draw_channel(visitor, channel)
        if channels and st.button("Send a test to all channels", icon=":material/send:"):
            _test(visitor)
        _draw_form(visitor)


def _draw_channel(visitor: Visitor, channel: AlertChannel) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(gap=None):
            st.markdown(f"**{escaped(channel.label)}**")
            st.markdown(quiet(escaped(_described(channel))))
            if channel.error:
                st.markdown(f":red[:material/error:] {sentence(channel.error)}")
            if channel.lacks_sender:
                st.markdown(
                    ":orange[:material/warning:] Fewer than two projects have a healthy sender, "
                    "so some alerts could not be mailed."
                )
        if not channel.from_environment and st.button(
            "Remove", key=f"remove-channel-{channel.id}", icon=":material/delete:"
        ):
            with error_notices.explained():
                visitor.core.alerts.remove_channel(channel.id)
                dialogs.flash("Channel removed")
                st.rerun()


def _described(channel: AlertChannel) -> str:
    at = now()
    sent = channel.last_sent_at
    parts = [
        "urgent alerts only" if channel.urgent_only else "all alerts",
        f"of project {channel.project}" if channel.project else None,
        f"last used {describe_age(sent, at)}" if sent else "not used yet",
        f"failing since {describe_age(channel.failing_since, at)}"
        if channel.failing_since
        else None,
        f"from {channel.created_by}",
    ]
    return " · ".join(filter(None, parts))


def _test(visitor: Visitor) -> None:
    with error_notices.explained():
        with st.spinner("Sending …"):
            tests = visitor.core.alerts.test()
        for test in tests:
            name = escaped(test.label)
            if test.error is None:
                st.success(f"{name} took it", icon=":material/check_circle:")
            else:
                st.error(f"{name}: {sentence(test.error)}", icon=":material/error:")


def _draw_form(visitor: Visitor) -> None:
    with st.form("alert-channel", border=False, clear_on_submit=True):
        url = st.text_input(
            "URL of a new channel",
            type="password",
            placeholder="palemail://ops@example.com",
            help="As Apprise documents it for each service, such as `slack://…`; or `palemail://` "
            "and an address, for mail through a sender of another project. It is a secret, and "
            "not shown again.",
        )
        urgent = st.checkbox("Only urgent alerts")
        project = st.text_input("Only this project", placeholder="all projects")
        added = st.form_submit_button("Add channel", type="primary")
    st.caption(
        f"[Services and their URLs]({_SERVICES}). Channels from `PALEMAIL_ALERT_URLS` are shown "
        "while a worker that has them is running."
    )
    if added:
        with error_notices.explained():
            visitor.core.alerts.add_channel(
                url, urgent_only=urgent, project=project.strip() or None, by=visitor.by
            )
            dialogs.flash("Channel added. Send it a test.")
            st.rerun()

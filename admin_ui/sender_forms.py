"""What can be changed about a sender, and the mail that tries it out."""

from uuid import uuid4

import streamlit as st

from admin_ui import dialogs, error_notices, heading
from admin_ui.access import Visitor
from admin_ui.markup import escaped
from mailcore import ConfigurationError, InvalidSender, Sender


def draw_identity(visitor: Visitor, sender: Sender) -> None:
    """Draw the form for the account, the display name and the project."""
    with st.form(f"identity-{sender.alias}"):
        heading.section("Identity")
        account = st.text_input(
            "Gmail account",
            value=sender.gmail_account or "",
            disabled=sender.generation > 0,
            help="It can be changed only until the first consent: the grant belongs to it.",
        )
        name = st.text_input(
            "Display name", value=sender.display_name or "", help="What recipients see in From."
        )
        project = st.text_input("Project", value=sender.project or "")
        if not st.form_submit_button("Save"):
            return
        changes = {"display_name": name.strip() or None, "project": project.strip() or None}
        if sender.generation == 0:
            changes["gmail_account"] = account.strip() or None
        try:
            visitor.core.senders.update(sender.alias, **changes, by=visitor.by)
        except InvalidSender as exc:
            error_notices.draw(exc)
            return
    dialogs.close("Saved")


def draw_client(visitor: Visitor, sender: Sender) -> None:
    """Draw the sender's own OAuth client, for those that don't use the deployment's."""
    with st.container(border=True):
        heading.section("OAuth client")
        if sender.has_own_client:
            st.caption("This sender uses an OAuth client of its own.")
            if st.button("Use the deployment's client instead", icon=":material/undo:"):
                _store_client(visitor, sender.alias, None)
        else:
            st.caption("This sender uses the deployment's OAuth client.")
        upload = st.file_uploader("Its own credentials.json", type="json", max_upload_size=1)
        if st.button("Use this client", disabled=upload is None) and upload is not None:
            _store_client(visitor, sender.alias, upload.getvalue().decode("utf-8", "replace"))


def draw_test_mail(visitor: Visitor, sender: Sender) -> None:
    """Draw the form that sends a mail at once, and what came of it."""
    with st.form(f"test-{sender.alias}", border=False):
        to = st.text_input("Send a test mail to", value=sender.gmail_account or "", type="email")
        if not st.form_submit_button("Send test mail", icon=":material/send:"):
            return
    # The second click of a double click stops this run, and asks for the same mail again.
    once = f"test-mail-key-{sender.alias}-{to}"
    with error_notices.explained():
        with st.spinner("Sending …"):
            sent = visitor.core.send_email(
                sender.alias,
                to=to,
                subject=f"Test mail from {sender.alias}",
                text="This mail was sent from the admin page of pal-e-mail. The sender works.",
                idempotency_key=st.session_state.setdefault(once, uuid4().hex),
            )
        known_as = escaped(sent.gmail_id or "its id is unknown")
        st.success(f"Gmail has taken it: {known_as}", icon=":material/check_circle:")
    del st.session_state[once]


def _store_client(visitor: Visitor, alias: str, credentials_json: str | None) -> None:
    try:
        visitor.core.senders.set_client(alias, credentials_json, by=visitor.by)
    except (ConfigurationError, InvalidSender) as exc:
        error_notices.draw(exc)
        return
    dialogs.close("Saved. Re-authorise the sender with this client.")

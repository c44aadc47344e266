"""The forms on a sender's page: its identity, its OAuth client, and a test message."""

from uuid import uuid4

import streamlit as st

from admin_ui import begin_reauth, dialogs, error_notices, heading
from admin_ui.access import Visitor
from admin_ui.markup import escaped
from mailcore import (
    ConfigurationError,
    InvalidSender,
    Sender,
    SenderChanges,
    SenderNotFound,
    describe_drafts,
)


def draw_identity(visitor: Visitor, sender: Sender) -> None:
    """Draw the form for the account, the display name and the project."""
    with st.form(f"identity-{sender.alias}"):
        heading.section("Identity")
        account = st.text_input(
            "Gmail account",
            value=sender.gmail_account or "",
            disabled=sender.generation > 0,
            help="It can't be changed after the first consent, because the grant belongs to "
            "this account.",
        )
        name = st.text_input(
            "Display name",
            value=sender.display_name or "",
            help="What recipients see as the sender's name.",
        )
        send_as = st.text_input(
            "Also sends as",
            value=", ".join(sender.send_as),
            help="Further addresses for From, separated by commas. Each has to be set up in the "
            'account\'s Gmail settings, under "Send mail as": Gmail silently replaces others.',
        )
        project = st.text_input("Project", value=sender.project or "")
        if not st.form_submit_button("Save"):
            return
        changes: SenderChanges = {
            "display_name": name,
            "project": project,
            "send_as": send_as.split(","),
        }
        if sender.generation == 0:
            changes["gmail_account"] = account
        try:
            visitor.core.senders.update(sender.alias, **changes, by=visitor.by)
        except InvalidSender as exc:
            error_notices.draw(exc)
            return
    dialogs.close("Saved")


def draw_fallback(visitor: Visitor, sender: Sender) -> None:
    """Draw the form for the sender through which mail goes out while this one can't send."""
    with st.form(f"fallback-{sender.alias}"):
        heading.section("Fallback")
        st.caption(
            "While this sender is expired or blocked, queued mail that allows it goes out through "
            "another sender. From is then that sender's account; answers go to this one's."
        )
        other = st.text_input(
            "Sender", value=sender.fallback_alias or "", placeholder="An alias; empty for none"
        )
        after = st.number_input(
            "After how many minutes", min_value=0, value=sender.fallback_after // 60, step=5
        )
        if not st.form_submit_button("Save"):
            return
        try:
            visitor.core.senders.set_fallback(
                sender.alias, other.strip() or None, after=int(after) * 60, by=visitor.by
            )
        except (InvalidSender, SenderNotFound) as exc:
            error_notices.draw(exc)
            return
    dialogs.close("Saved")


def draw_drafts(visitor: Visitor, sender: Sender) -> None:
    """Draw the switch for sending mail as drafts."""
    with st.form(f"drafts-{sender.alias}"):
        heading.section("Unknown outcomes")
        st.caption(
            "Sent as a draft, a message of unknown outcome settles itself: if its draft is gone, "
            "it was sent. That takes two calls to Gmail instead of one, and the permission to "
            "manage drafts. The next re-auth asks for it; with a service account, allow "
            "`gmail.compose` for it and upload its key again."
        )
        use_drafts = st.toggle("Send mail as drafts", value=sender.use_drafts)
        if sender.use_drafts:
            st.caption(f"Sends {describe_drafts(sender)}.")
        if not st.form_submit_button("Save"):
            return
        visitor.core.senders.set_use_drafts(sender.alias, use_drafts, by=visitor.by)
    dialogs.close("Saved")


def draw_client(visitor: Visitor, sender: Sender) -> None:
    """Draw the choice between the deployment's OAuth client and one of the sender's own."""
    with st.container(border=True):
        heading.section("OAuth client")
        if sender.has_own_client:
            st.caption("This sender uses its own OAuth client.")
            if st.button("Use the deployment's client instead", icon=":material/undo:"):
                _store_client(visitor, sender.alias, None)
        else:
            st.caption("This sender uses the deployment's OAuth client.")
        upload = st.file_uploader("Its own credentials.json", type="json", max_upload_size=1)
        if st.button("Use this client", disabled=upload is None) and upload is not None:
            _store_client(visitor, sender.alias, upload.getvalue().decode("utf-8", "replace"))


def draw_service_account(visitor: Visitor, sender: Sender) -> None:
    """Draw what has the sender send without anybody's consent."""
    with st.container(border=True):
        heading.section("Service account")
        if sender.service_account:
            st.caption(
                f"This sender sends with {escaped(sender.service_account)}, whose access never "
                "expires. To go back to a person's consent, "
                f"[re-authorise it]({begin_reauth.url(sender.alias)})."
            )
        else:
            st.caption(
                "In a Google Workspace, a service account can send from this mailbox without "
                "anybody's consent. The **Setup** page explains how to get its key."
            )
        upload = st.file_uploader("The service account's key", type="json", max_upload_size=1)
        if st.button("Use this key", disabled=upload is None) and upload is not None:
            with error_notices.explained(), st.spinner("Asking Google …"):
                key_json = upload.getvalue().decode("utf-8", "replace")
                visitor.core.service_accounts.use(sender.alias, key_json, by=visitor.by)
                dialogs.close(f"{escaped(sender.alias)} now sends with this service account")


def draw_test_message(visitor: Visitor, sender: Sender) -> None:
    """Draw the form that sends a test message, and the outcome."""
    with st.form(f"test-{sender.alias}", border=False):
        to = st.text_input("Send a test message to", value=sender.gmail_account or "", type="email")
        if not st.form_submit_button("Send test message", icon=":material/send:"):
            return
    # A double click stops this run and starts it again: the key keeps that from sending twice.
    once = f"test-message-key-{sender.alias}-{to}"
    with error_notices.explained():
        with st.spinner("Sending …"):
            sent = visitor.core.send_email(
                sender.alias,
                to=to,
                subject=f"Test message from {sender.alias}",
                text="Sent from the admin page of pal-e-mail. This sender works.",
                idempotency_key=st.session_state.setdefault(once, uuid4().hex),
            )
        gmail_id = escaped(sent.gmail_id or "unknown")
        st.success(f"Sent. Gmail ID: {gmail_id}", icon=":material/check_circle:")
    del st.session_state[once]


def _store_client(visitor: Visitor, alias: str, credentials_json: str | None) -> None:
    try:
        visitor.core.senders.set_client(alias, credentials_json, by=visitor.by)
    except (ConfigurationError, InvalidSender) as exc:
        error_notices.draw(exc)
        return
    dialogs.close("Saved. Now re-authorise the sender with this client.")

"""The dialogs for adding and deleting a sender."""

from dataclasses import dataclass

import streamlit as st

from admin_ui import dialogs, reauth_dialog
from admin_ui.access import Visitor
from admin_ui.markup import escaped
from admin_ui.sender_forms import draw_test_message
from mailcore import InvalidSender, Sender, SenderExists, describe_messages, describe_revocation


@dataclass(frozen=True, slots=True)
class AddSender:
    """Asks for a new sender, then starts its first consent."""

    @property
    def title(self) -> str:
        """The heading."""
        return "Add a sender"

    def draw(self, visitor: Visitor) -> None:
        """Draw the form; an error appears below its field."""
        with st.form("add-sender", border=False):
            alias = st.text_input(
                "Alias",
                placeholder="alerts",
                help="The name that jobs use. Lowercase letters, digits, and . _ - are allowed.",
                max_chars=63,
            )
            below_alias = st.empty()
            account = st.text_input(
                "Gmail account",
                placeholder="alerts@example.com",
                help="Leave empty to use whichever account consents first.",
            )
            below_account = st.empty()
            project = st.text_input(
                "Project (optional)", help="The list groups senders by project."
            )
            below_project = st.empty()
            name = st.text_input(
                "Display name (optional)", help="What recipients see as the sender's name."
            )
            below_name = st.empty()
            if not st.form_submit_button("Add and authorise", type="primary", width="stretch"):
                return
        places = {
            "gmail_account": below_account,
            "project": below_project,
            "display_name": below_name,
        }
        try:
            sender = visitor.core.senders.register(
                alias.strip(),
                gmail_account=account.strip() or None,
                project=project.strip() or None,
                display_name=name.strip() or None,
                by=visitor.by,
            )
        except InvalidSender as exc:
            places.get(exc.field, below_alias).error(escaped(exc.message))
        except SenderExists as exc:
            below_alias.error(escaped(exc.message))
        else:
            reauth_dialog.show(sender)


@dataclass(frozen=True, slots=True)
class SendTestMessage:
    """Sends a message of ours, to see that the sender works."""

    sender: Sender

    @property
    def title(self) -> str:
        """The heading."""
        return f"Test {escaped(self.sender.alias)}"

    def draw(self, visitor: Visitor) -> None:
        """Draw the form."""
        draw_test_message(visitor, self.sender)


@dataclass(frozen=True, slots=True)
class DeleteSender:
    """Says what will be lost, and asks for the alias to be typed."""

    sender: Sender

    @property
    def title(self) -> str:
        """The heading."""
        return f"Delete {escaped(self.sender.alias)}?"

    def draw(self, visitor: Visitor) -> None:
        """Draw what will be lost, and the form that confirms."""
        alias = self.sender.alias
        waiting = visitor.core.senders.get(alias).queued
        if waiting:
            st.warning(
                f"**{describe_messages(waiting)}** waiting for this sender will be discarded.",
                icon=":material/warning:",
            )
        st.markdown(
            "Its grant is deleted for good, and jobs can no longer send through it. Its history "
            "and deliveries are kept."
        )
        with st.form("delete-sender", border=False):
            typed = st.text_input(f"Type {escaped(alias)} to confirm", autocomplete="off")
            wrong = st.empty()
            keep_grant = st.checkbox(
                "Keep its grant at Google",
                help="Otherwise it is revoked. Keep it if another program uses it.",
            )
            if not st.form_submit_button(
                "Delete permanently", key="delete-for-good", type="primary", width="stretch"
            ):
                return
        if typed.strip() != alias:
            wrong.error(f"That doesn't match {escaped(alias)}. Nothing was deleted.")
            return
        deleted = visitor.core.senders.delete(alias, by=visitor.by, keep_grant=keep_grant)
        discarded = deleted.discarded_deliveries
        lost = f", and {describe_messages(discarded)} discarded" if discarded else ""
        grant = describe_revocation(deleted.grant)
        dialogs.close(f"Deleted {escaped(alias)}{lost}." + (f" {grant}" if grant else ""))

"""Adding a sender, and deleting one."""

from dataclasses import dataclass

import streamlit as st

from admin_ui import dialogs, reauth_dialog
from admin_ui.access import Visitor
from admin_ui.markup import escaped
from admin_ui.wording import held
from mailcore import InvalidSender, Revocation, Sender, SenderExists


@dataclass(frozen=True, slots=True)
class AddSender:
    """Asks for a new sender, and leads on to its first consent."""

    @property
    def title(self) -> str:
        """The heading."""
        return "Add a sender"

    def draw(self, visitor: Visitor) -> None:
        """Draw the form; what is wrong with a field stands under it."""
        with st.form("add-sender", border=False):
            alias = st.text_input(
                "Alias",
                placeholder="alerts",
                help="The name that jobs use. Lower-case letters, digits, dots and dashes.",
                max_chars=63,
            )
            below_alias = st.empty()
            account = st.text_input(
                "Gmail account",
                placeholder="alerts@example.com",
                help="Leave it empty to take the account that consents first.",
            )
            below_account = st.empty()
            project = st.text_input("Project (optional)", help="Senders are grouped by it.")
            below_project = st.empty()
            name = st.text_input("Display name (optional)", help="What recipients see in From.")
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
            places.get(exc.field, below_alias).error(escaped(str(exc)))
        except SenderExists as exc:
            below_alias.error(escaped(str(exc)))
        else:
            reauth_dialog.begin(sender.alias)


@dataclass(frozen=True, slots=True)
class DeleteSender:
    """Asks for the alias to be typed, and says what will be lost."""

    sender: Sender

    @property
    def title(self) -> str:
        """The heading."""
        return f"Delete {escaped(self.sender.alias)}?"

    def draw(self, visitor: Visitor) -> None:
        """Draw what will be lost, and the form that confirms."""
        alias = self.sender.alias
        waiting = visitor.core.senders.get(alias).held
        if waiting:
            st.warning(
                f"**{held(waiting)}** for this sender will be discarded.",
                icon=":material/warning:",
            )
        st.markdown(
            "Its tokens are removed for good, and jobs can no longer send through it. Its "
            "history and its deliveries stay on record."
        )
        with st.form("delete-sender", border=False):
            typed = st.text_input(f"Type {escaped(alias)} to confirm", autocomplete="off")
            wrong = st.empty()
            if not st.form_submit_button("Delete for good", type="primary", width="stretch"):
                return
        if typed.strip() != alias:
            wrong.error(f"That is not {escaped(alias)}. Nothing was deleted.")
            return
        deleted = visitor.core.senders.delete(alias, by=visitor.by)
        discarded = deleted.discarded_deliveries
        lost = f", {discarded} waiting mails discarded" if discarded else ""
        dialogs.close(f"{escaped(alias)} is deleted{lost}{_GRANT.get(deleted.grant, '')}")


_GRANT = {
    Revocation.REVOKED: ", its grant revoked at Google",
    Revocation.FAILED: ". Its grant could not be revoked: remove this app's access at "
    "myaccount.google.com/permissions",
    Revocation.SHARED: ". Its grant is kept, as another sender uses the same account",
}

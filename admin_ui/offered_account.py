"""The question whether the account that was chosen through a link is the right one."""

import streamlit as st

from admin_ui import dialogs, error_notices
from admin_ui.access import Visitor
from admin_ui.markup import escaped
from mailcore import Sender


def draw(visitor: Visitor, sender: Sender) -> None:
    """Draw the question, if there is one, and what answers it."""
    account = sender.offered_account
    if account is None:
        return
    st.warning(
        f"Someone with the link chose **{escaped(account)}**. Nothing is sent from it until you "
        "confirm that it is the right mailbox.",
        icon=":material/person_check:",
    )
    with st.container(horizontal=True, gap="xsmall"):
        confirmed = st.button(
            f"Send from {escaped(account)}", type="primary", icon=":material/check:"
        )
        rejected = st.button("Reject it", icon=":material/close:")
    with error_notices.explained():
        if confirmed:
            visitor.core.offers.confirm(sender.alias, account, by=visitor.by)
            dialogs.close(f"{escaped(sender.alias)} sends as {escaped(account)}")
        if rejected:
            visitor.core.offers.reject(sender.alias, account, by=visitor.by)
            dialogs.close(f"Rejected {escaped(account)}")

"""What is said aloud, once: a sender that got a new grant while somebody was watching."""

from collections.abc import Iterable

import streamlit as st

from admin_ui import dialogs
from admin_ui.markup import escaped
from mailcore import Sender, SenderStatus

#: Above this, they are counted.
_NAMED = 3


def announce_renewed(senders: Iterable[Sender]) -> None:
    """Show briefly which senders have been re-authorised since this tab last drew them.

    Streamlit's toasts are read out by screen readers. One that comes while a dialog is open would
    take its place, so it waits until the dialog is closed.
    """
    known: dict[str, int] = st.session_state.setdefault("generations", {})
    renewed = [
        sender
        for sender in senders
        if sender.generation > known.setdefault(sender.alias, sender.generation)
        and sender.status is SenderStatus.HEALTHY
    ]
    if dialogs.is_open():
        return
    known.update((sender.alias, sender.generation) for sender in renewed)
    if len(renewed) > _NAMED:
        _say(f"**{len(renewed)} senders** are healthy.")
        return
    for sender in renewed:
        account = escaped(sender.gmail_account or "")
        _say(f"**{escaped(sender.alias)}** is healthy and sends as **{account}**.")


def _say(text: str) -> None:
    st.toast(text, icon=":material/check_circle:", duration="long")

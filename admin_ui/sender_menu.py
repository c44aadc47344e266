"""What else can be done with a sender, in the menu of its row."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from admin_ui import access, dialogs, ticket_dialog
from admin_ui.markup import escaped
from admin_ui.navigation import SENDER
from admin_ui.sender_dialogs import SendTestMessage
from mailcore import Sender


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the menu.

    Attributes:
        label: what it says, after the icon.
        icon: a Material icon.
        act: does it.
    """

    label: str
    icon: str
    act: Callable[[Sender], None]


def draw(sender: Sender) -> None:
    """Draw the menu, and do what is chosen."""
    chosen = st.menu_button(
        f"More for {escaped(sender.alias)}",  # for assistive technology: style.css hides it
        _entries(sender),
        key=f"more-{sender.alias}",
        format_func=lambda entry: f"{entry.icon} {entry.label}",
        icon=":material/more_horiz:",
        type="tertiary",
    )
    if chosen:
        chosen.act(sender)


def _entries(sender: Sender) -> tuple[Entry, ...]:
    test = (_TEST,) if sender.generation else ()
    link = () if sender.service_account else (_OWNER_LINK,)
    return (*link, *test, _RESUME if sender.paused_at else _PAUSE, _EDIT, _HISTORY)


def _pause(sender: Sender) -> None:
    visitor = access.visitor()
    visitor.core.queue.pause(sender.alias, by=visitor.by)
    dialogs.close(f"Paused the queue of {escaped(sender.alias)}")


def _resume(sender: Sender) -> None:
    visitor = access.visitor()
    visitor.core.queue.resume(sender.alias, by=visitor.by)
    dialogs.close(f"Resumed the queue of {escaped(sender.alias)}")


def _open(tab: str) -> Callable[[Sender], None]:
    def switch(sender: Sender) -> None:
        st.switch_page(SENDER.script, query_params={"sender": sender.alias, "tab": tab})

    return switch


_OWNER_LINK = Entry(
    "Link for the mailbox owner",
    ":material/link:",
    lambda sender: ticket_dialog.issue(sender.alias),
)
_TEST = Entry(
    "Send a test message",
    ":material/send:",
    lambda sender: dialogs.show(SendTestMessage(sender)),
)
_PAUSE = Entry("Pause its queue", ":material/pause_circle:", _pause)
_RESUME = Entry("Resume its queue", ":material/play_circle:", _resume)
_EDIT = Entry("Edit", ":material/edit:", _open("Edit"))
_HISTORY = Entry("History", ":material/history:", _open("History"))

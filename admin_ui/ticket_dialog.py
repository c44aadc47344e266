"""The link with which a mailbox's owner consents without access to the admin page."""

from dataclasses import dataclass

import streamlit as st

from admin_ui import access, dialogs
from admin_ui.access import Visitor
from admin_ui.markup import escaped
from mailcore import Ticket


@dataclass(frozen=True, slots=True)
class OwnerLink:
    """A dialog that shows the link."""

    ticket: Ticket

    @property
    def title(self) -> str:
        """The heading."""
        return f"Link for the owner of {escaped(self.ticket.alias)}"

    def draw(self, visitor: Visitor) -> None:
        """Draw the link."""
        del visitor
        draw_ticket(self.ticket)


def issue(alias: str) -> None:
    """Issue a ticket and show its link."""
    visitor = access.visitor()
    any_mailbox = visitor.core.senders.get(alias).gmail_account is None
    ticket = visitor.core.tickets.issue(alias, by=visitor.by, any_mailbox=any_mailbox)
    dialogs.show(OwnerLink(ticket))


def draw_ticket(ticket: Ticket) -> None:
    """Draw a ticket's link, with a copy button."""
    st.caption("Send this link to the mailbox owner. It works once, within 72 hours.")
    if ticket.gmail_account is None:
        st.warning(
            "No account is set yet: anyone who opens this link can choose the mailbox. You will "
            "be asked to confirm it before anything is sent from it."
        )
    st.code(ticket.url or "", language=None, wrap_lines=True)

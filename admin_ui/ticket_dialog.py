"""The link with which a mailbox's owner consents without access to the admin page."""

from dataclasses import dataclass
from functools import partial

import streamlit as st

from admin_ui import access, dialogs, live
from admin_ui.access import Visitor
from admin_ui.markup import escaped, sentence
from mailcore import (
    Ticket,
    TicketProgress,
    TicketState,
    describe_age,
    describe_next_step,
    now,
)


@dataclass(frozen=True, slots=True)
class OwnerLink:
    """A dialog that shows the link."""

    ticket: Ticket

    @property
    def title(self) -> str:
        """The heading."""
        return f"Link for the owner of {escaped(self.ticket.alias)}"

    def draw(self, visitor: Visitor) -> None:
        """Draw the link, and what becomes of it."""
        del visitor
        draw_ticket(self.ticket)
        _follow(self.ticket)


def issue(alias: str) -> None:
    """Issue a ticket and show its link."""
    visitor = access.visitor()
    any_mailbox = visitor.core.senders.get(alias).gmail_account is None
    ticket = visitor.core.tickets.issue(alias, by=visitor.by, any_mailbox=any_mailbox)
    dialogs.show(OwnerLink(ticket))


def draw_ticket(ticket: Ticket) -> None:
    """Draw a ticket's link, with a copy button."""
    st.caption(
        "Send this link to the mailbox owner. It works until they have consented, for up to 72 "
        "hours."
    )
    if ticket.gmail_account is None:
        st.warning(
            "No account is set yet: anyone who opens this link can choose the mailbox. You will "
            "be asked to confirm it before anything is sent from it."
        )
    st.code(ticket.url or "", language=None, wrap_lines=True)


@st.fragment
def _follow(ticket: Ticket) -> None:
    # A fragment, so that it updates in place: a rerun would close and reopen the dialog.
    look = partial(access.visitor().core.tickets.progress, ticket.id)
    live.draw("ticket", look, _draw_progress, as_shown=_as_shown)


def _as_shown(progress: TicketProgress) -> object:
    return progress, describe_age(progress.at, now())


def _draw_progress(progress: TicketProgress) -> None:
    age = describe_age(progress.at, now())
    match progress.state:
        case TicketState.UNOPENED:
            st.caption(":material/progress_activity: Not used yet. This dialog updates by itself.")
        case TicketState.OPENED:
            st.info(f"Used {age}: someone is on Google's page.", icon=":material/hourglass_top:")
        case TicketState.REFUSED:
            reason = sentence(progress.detail or "Google refused the re-auth.")
            next_step = describe_next_step(progress.code)
            st.error(
                f"Refused {age}: {reason} {next_step} The link still works.",
                icon=":material/error:",
            )
        case TicketState.DONE:
            st.success(f"Done {age}.", icon=":material/check_circle:")
        case TicketState.ENDED:
            st.success(
                f"No longer needed: re-authorised in another way {age}.",
                icon=":material/check_circle:",
            )
        case TicketState.EXPIRED:
            st.warning("The link has expired.", icon=":material/timer_off:")

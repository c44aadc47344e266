"""The dialog that leads to Google's consent page and then shows the outcome."""

from dataclasses import dataclass, replace

import streamlit as st

from admin_ui import access, dialogs, error_notices, live, offered_account
from admin_ui.access import Visitor
from admin_ui.markup import escaped, sentence
from admin_ui.ticket_dialog import draw_ticket
from mailcore import (
    Authorization,
    AuthorizationOutcome,
    AuthorizationProgress,
    PalEMailError,
    Sender,
    Ticket,
    WrongAccount,
    describe_next_step,
)


@dataclass(frozen=True, slots=True)
class NotStarted:
    """A re-auth that could not be started."""

    title: str
    error: PalEMailError

    def draw(self, visitor: Visitor) -> None:
        """Draw the error, and a link to Setup."""
        del visitor
        error_notices.draw(self.error)
        st.page_link("setup_page.py", label="Open Setup", icon=":material/settings:")


@dataclass(frozen=True, slots=True)
class Reauth:
    """One sender's re-auth.

    Attributes:
        authorization: the re-auth that was begun.
        generation: the sender's at that time. Once it changes the sender has a new grant,
            whichever link, browser or person brought it.
        ticket: the link for the mailbox owner, once requested.
    """

    authorization: Authorization
    generation: int
    ticket: Ticket | None = None

    @property
    def title(self) -> str:
        """The heading."""
        return f"Re-authorise {escaped(self.authorization.alias)}"

    def draw(self, visitor: Visitor) -> None:
        """Draw the link to Google, and then the outcome."""
        del visitor
        _follow(self)

    def follow(self, visitor: Visitor) -> None:
        """Draw how far it has come, and keep that up to date."""

        def look() -> Sender | AuthorizationProgress:
            sender = visitor.core.senders.get(self.authorization.alias)
            if sender.generation != self.generation or sender.offered_account:
                return sender
            return visitor.core.authorizations.progress(self.authorization.id)

        def draw(found: Sender | AuthorizationProgress) -> None:
            if not isinstance(found, Sender):
                self._draw_progress(visitor, found)
            elif found.generation != self.generation:
                _draw_done(found)
            else:
                offered_account.draw(visitor, found)

        def as_shown(found: Sender | AuthorizationProgress) -> object:
            if not isinstance(found, Sender):
                return found
            return found.generation, found.gmail_account, found.offered_account

        live.draw("reauth", look, draw, as_shown=as_shown)

    def _draw_progress(self, visitor: Visitor, progress: AuthorizationProgress) -> None:
        if progress.outcome is AuthorizationOutcome.WAITING:
            self._draw_link()
        else:
            self._draw_refusal(progress)
        self._draw_owner_link(visitor)

    def _draw_link(self) -> None:
        draw_google_link(self.authorization)
        st.caption(
            ":material/progress_activity: Waiting for Google. This dialog updates by itself, even "
            "if you consent in another browser."
        )

    def _draw_refusal(self, progress: AuthorizationProgress) -> None:
        if progress.outcome is AuthorizationOutcome.EXPIRED:
            st.warning("The link has expired.", icon=":material/timer_off:")
        else:
            draw_reason(progress)
        wrong_account = progress.code == WrongAccount.code
        if st.button("Try again", type="primary", icon=":material/refresh:", width="stretch"):
            begin(self.authorization.alias, choose_account=wrong_account)

    def _draw_owner_link(self, visitor: Visitor) -> None:
        st.divider()
        if self.ticket is not None:
            draw_ticket(self.ticket)
            return
        st.caption("Someone else's mailbox? Its owner can consent without access to this page.")
        any_mailbox = self.authorization.gmail_account is None
        label = "Create a link for the mailbox owner"
        if any_mailbox:
            label = "Create a link that lets anyone who opens it choose the mailbox"
        if st.button(label, icon=":material/link:", width="stretch"):
            ticket = visitor.core.tickets.issue(
                self.authorization.alias, by=visitor.by, any_mailbox=any_mailbox
            )
            dialogs.show(replace(self, ticket=ticket))


def begin(alias: str, *, choose_account: bool = False) -> None:
    """Begin a sender's re-auth, because somebody clicked, and open its dialog."""
    visitor = access.visitor()
    try:
        generation = visitor.core.senders.get(alias).generation
        authorization = visitor.core.authorizations.begin(
            alias, by=visitor.by, choose_account=choose_account
        )
    except PalEMailError as exc:
        dialogs.show(NotStarted(f"Re-authorise {escaped(alias)}", exc))
        return
    dialogs.show(Reauth(authorization, generation))


def draw_google_link(authorization: Authorization) -> None:
    """Draw which account to choose, and the link to Google."""
    if authorization.gmail_account:
        st.markdown(f"On Google's page, choose **{escaped(authorization.gmail_account)}**.")
    else:
        st.markdown("On Google's page, choose the account that this sender should use.")
    st.link_button(
        "Continue to Google",
        authorization.url,
        type="primary",
        icon=":material/open_in_new:",
        width="stretch",
    )


def draw_reason(progress: AuthorizationProgress) -> None:
    """Draw why a re-auth was refused, and what to do."""
    reason = progress.detail or "Google refused the re-auth."
    st.error(f"{sentence(reason)} {describe_next_step(progress.code)}", icon=":material/error:")


def _draw_done(sender: Sender) -> None:
    st.success(
        f"**{escaped(sender.alias)}** is healthy and sends as "
        f"**{escaped(sender.gmail_account or '')}**.",
        icon=":material/check_circle:",
    )
    draw_close()


def draw_close() -> None:
    """Draw the button that closes the dialog."""
    if st.button("Close", type="primary", width="stretch"):
        dialogs.close()


@st.fragment
def _follow(dialog: Reauth) -> None:
    # A fragment, so that it updates in place: a rerun would close and reopen the dialog.
    dialog.follow(access.visitor())

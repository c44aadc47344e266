"""The dialog about one sender's re-auth: which account, how far it has come, what was refused."""

from dataclasses import dataclass

import streamlit as st

from admin_ui import access, begin_reauth, dialogs, live, offered_account, ticket_dialog
from admin_ui.access import Visitor
from admin_ui.markup import escaped, sentence
from mailcore import (
    AuthorizationOutcome,
    AuthorizationProgress,
    ConfigurationError,
    Sender,
    WrongAccount,
    describe_next_step,
)

_Found = tuple[Sender, AuthorizationProgress | None]


@dataclass(frozen=True, slots=True)
class Reauth:
    """One sender's re-auth.

    Attributes:
        alias: the sender.
        generation: the sender's when the dialog was opened. Once it changes the sender has a new
            grant, whichever link, browser or person brought it.
    """

    alias: str
    generation: int

    @property
    def title(self) -> str:
        """The heading."""
        return f"{verb(self.generation)} {escaped(self.alias)}"

    def draw(self, visitor: Visitor) -> None:
        """Draw the link to Google, and then the outcome."""
        del visitor
        _follow(self)

    def follow(self, visitor: Visitor) -> None:
        """Draw how far it has come, and keep that up to date."""

        def look() -> _Found:
            sender = visitor.core.senders.get(self.alias)
            return sender, visitor.core.authorizations.unfinished((self.alias,)).get(self.alias)

        def draw(found: _Found) -> None:
            sender, progress = found
            if sender.generation != self.generation:
                dialogs.close()  # the page below says that it is healthy
            elif sender.offered_account:
                offered_account.draw(visitor, sender)
            else:
                _draw_progress(sender, progress)

        def as_shown(found: _Found) -> object:
            # One that is to close is drawn again for as long as it is open: closing it may get
            # lost among what the page behind it has drawn at the same moment.
            return object() if found[0].generation != self.generation else _as_shown(found)

        live.draw("reauth", look, draw, as_shown=as_shown)


def show(sender: Sender) -> None:
    """Open the dialog about a sender."""
    dialogs.show(Reauth(sender.alias, sender.generation))


def verb(generation: int) -> str:
    """Return what a person does at Google: the first time, or once more."""
    return "Re-authorise" if generation else "Authorise"


def draw_google_link(account: str | None, url: str, label: str = "Continue to Google") -> None:
    """Draw which account to choose, and the link to Google."""
    if account:
        st.markdown(f"On Google's page, choose **{escaped(account)}**.")
    else:
        st.markdown("On Google's page, choose the account that this sender should use.")
    st.link_button(label, url, type="primary", icon=":material/open_in_new:", width="stretch")


def draw_reason(progress: AuthorizationProgress) -> None:
    """Draw why a re-auth was refused, and what to do."""
    reason = progress.detail or "Google refused the re-auth."
    st.error(f"{sentence(reason)} {describe_next_step(progress.code)}", icon=":material/error:")


def draw_close() -> None:
    """Draw the button that closes the dialog."""
    if st.button("Close", type="primary", width="stretch"):
        dialogs.close()


@st.fragment
def _follow(dialog: Reauth) -> None:
    # A fragment, so that it updates in place: a rerun would close and reopen the dialog.
    dialog.follow(access.visitor())


def _as_shown(found: _Found) -> object:
    sender, progress = found
    return (
        (sender.generation, sender.gmail_account, sender.offered_account),
        progress and (progress.authorization_id, progress.outcome),
    )


def _draw_progress(sender: Sender, progress: AuthorizationProgress | None) -> None:
    outcome = progress.outcome if progress else None
    if progress and outcome is AuthorizationOutcome.REFUSED:
        _draw_refusal(sender, progress)
    else:
        if outcome is AuthorizationOutcome.EXPIRED:
            st.warning("The last try was not finished in time.", icon=":material/timer_off:")
        draw_google_link(sender.gmail_account, begin_reauth.url(sender.alias))
        if outcome is AuthorizationOutcome.WAITING:
            st.caption(":material/progress_activity: Waiting for Google…")
        else:
            st.caption("Google's page opens in a new tab. This dialog closes when you are done.")
    _draw_owner_link(sender)


def _draw_refusal(sender: Sender, progress: AuthorizationProgress) -> None:
    draw_reason(progress)
    if progress.code == ConfigurationError.code:
        st.page_link("setup_page.py", label="Open Setup", icon=":material/settings:")
    wrong_account = progress.code == WrongAccount.code
    draw_google_link(
        sender.gmail_account,
        begin_reauth.url(sender.alias, choose_account=wrong_account),
        "Try again",
    )


def _draw_owner_link(sender: Sender) -> None:
    st.divider()
    st.caption("Someone else's mailbox? Its owner can consent without access to this page.")
    label = "Create a link for the mailbox owner"
    if sender.gmail_account is None:
        label = "Create a link that lets anyone who opens it choose the mailbox"
    if st.button(label, icon=":material/link:", width="stretch"):
        ticket_dialog.issue(sender.alias)

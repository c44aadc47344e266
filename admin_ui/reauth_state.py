"""A sender's re-auth as its row shows it: the link, how far it has come, that it is done."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import streamlit as st

from admin_ui import begin_reauth, dialogs, markup, reauth_dialog, wording
from admin_ui.sender_dialogs import SendTestMessage
from mailcore import (
    AuthorizationOutcome,
    AuthorizationProgress,
    Sender,
    WrongAccount,
    describe_age,
)

#: For how long a row says that its sender was re-authorised.
_JUST_NOW = timedelta(minutes=2)

Reauths = Mapping[str, AuthorizationProgress]


def draw_button(sender: Sender, reauth: AuthorizationProgress | None) -> None:
    """Draw the link that leads straight to Google, in a tab of its own.

    A sender with a service account needs nobody's consent, so it has none.
    """
    if sender.service_account:
        return
    wrong_account = reauth is not None and reauth.code == WrongAccount.code
    st.link_button(
        # Assistive technology has to tell one row's from another's: style.css hides the name.
        f"{'Re-auth' if sender.generation else 'Authorise'} *{markup.escaped(sender.alias)}*",
        begin_reauth.url(sender.alias, choose_account=wrong_account),
        key=f"reauth-{sender.alias}",
        type="primary" if wording.renewable(sender) else "secondary",
    )


def draw_line(sender: Sender, reauth: AuthorizationProgress | None, at: datetime) -> None:
    """Draw what has become of the latest re-auth, while that tells anything."""
    if is_renewed(sender, at):
        _draw_renewed(sender)
    elif reauth is None:
        return
    elif reauth.outcome is AuthorizationOutcome.WAITING:
        st.markdown(":blue[:material/hourglass_top:] :small[Waiting for Google…]")
    elif reauth.outcome is AuthorizationOutcome.REFUSED:
        _draw_refused(sender, reauth, at)


def is_renewed(sender: Sender, at: datetime) -> bool:
    """Say whether a sender was re-authorised a moment ago."""
    issued = sender.grant_issued_at
    return issued is not None and at - issued < _JUST_NOW and not wording.needs_person(sender)


def as_shown(sender: Sender, reauth: AuthorizationProgress | None, at: datetime) -> object:
    """Return all that is drawn here: if it is equal, so is what is seen."""
    state = reauth and (reauth.outcome, reauth.detail, describe_age(reauth.begun_at, at))
    return is_renewed(sender, at) and sender.generation, state


def _draw_renewed(sender: Sender) -> None:
    with st.container(
        key=f"renewed-{sender.alias}", horizontal=True, vertical_alignment="center", gap="xsmall"
    ):
        done = "Re-authorised" if sender.generation > 1 else "Authorised"
        st.markdown(f":green[:material/check_circle:] :small[{done} just now]", width="content")
        if st.button(
            "Send a test message",
            key=f"test-{sender.alias}",
            icon=":material/send:",
            type="tertiary",
        ):
            dialogs.show(SendTestMessage(sender))


def _draw_refused(sender: Sender, reauth: AuthorizationProgress, at: datetime) -> None:
    reason = markup.sentence(reauth.detail or "Google refused the re-auth.")
    age = describe_age(reauth.begun_at, at)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(f":red[:material/error:] :small[Not done {age}: {reason}]", width="content")
        if st.button("What to do", key=f"refused-{sender.alias}", type="tertiary"):
            reauth_dialog.show(sender)

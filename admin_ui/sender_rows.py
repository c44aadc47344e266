"""The senders of the list, a row each: status, what to know, and the buttons that fix it."""

from datetime import datetime
from itertools import groupby

import streamlit as st

from admin_ui import (
    dialogs,
    heading,
    markup,
    queue_wording,
    reauth_state,
    sender_menu,
    sparkline,
    unknown_outcome,
    wording,
)
from admin_ui.reauth_state import Reauths
from admin_ui.sender_dialogs import DeleteSender
from admin_ui.sparkline import Counts
from mailcore import Sender, SenderPage, SenderStatus, describe_grant, now

#: Names above this may be cut off, and get a tooltip.
_LONG = 40


def draw(page: SenderPage, reauths: Reauths, counts: Counts) -> None:
    """Draw the rows of a page.

    Args:
        page: what to draw.
        reauths: those that are unfinished.
        counts: what the senders did lately.
    """
    if not page.senders:
        st.info("No senders match.", icon=":material/search_off:")
        return
    at = now()
    for group, senders in groupby(page.senders, key=_group):
        if page.projects > 1:
            heading.section(markup.escaped(group))
        with st.container(gap="xsmall"):
            for sender in senders:
                with st.container(border=True, key=f"sender-{sender.alias}"):
                    _draw_row(sender, reauths, counts, at)


def as_shown(page: SenderPage, reauths: Reauths, at: datetime) -> object:
    """Return all that the rows show: if it is equal, so are they."""
    return tuple(
        (
            wording.as_shown(sender, at),
            reauth_state.as_shown(sender, reauths.get(sender.alias), at),
            sender.paused_at is None,
        )
        for sender in page.senders
    )


def _group(sender: Sender) -> str:
    return "Needs attention" if wording.needs_person(sender) else sender.project or "No project"


def _draw_row(sender: Sender, reauths: Reauths, counts: Counts, at: datetime) -> None:
    reauth = reauths.get(sender.alias)
    who, state, lately, actions = st.columns(
        [10, 11, 4, 6], vertical_alignment="center", gap="xsmall"
    )
    with who.container(horizontal=True, vertical_alignment="center", gap="small"):
        _draw_who(sender)
    with state.container(gap=None):
        _draw_state(sender, at)
        reauth_state.draw_line(sender, reauth, at)
    with lately:
        sparkline.draw(sender, counts, at)
    with actions.container(
        horizontal=True, horizontal_alignment="right", vertical_alignment="center", gap="xsmall"
    ):
        reauth_state.draw_button(sender, reauth)
        sender_menu.draw(sender)
        _draw_delete(sender)


def _draw_who(sender: Sender) -> None:
    badge = wording.sender_badge(sender)
    st.badge(badge.word, icon=badge.icon, color=badge.color, width=92)
    account = sender.gmail_account or "no account yet"
    is_long = max(len(sender.alias), len(account)) > _LONG
    with st.container(gap=None, width="stretch", key=f"name-{sender.alias}"):
        st.page_link(
            "sender_page.py",
            label=f"**{markup.escaped(sender.alias)}**",
            query_params={"sender": sender.alias},
            help=markup.escaped(f"{sender.alias}, {account}") if is_long else None,
        )
        st.markdown(markup.quiet(markup.escaped(account)))


def _draw_state(sender: Sender, at: datetime) -> None:
    st.markdown(markup.escaped(describe_grant(sender, at)))
    if sender.status is SenderStatus.BLOCKED and sender.status_reason:
        st.markdown(markup.quiet(markup.sentence(sender.status_reason)))
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(_second_line(sender, at), width="content")
        unknown_outcome.draw_link(sender.alias, sender.unknown)


def _second_line(sender: Sender, at: datetime) -> str:
    parts = [markup.quiet(wording.last_sent(sender, at))]
    if waiting := queue_wording.of_sender(sender, at):
        parts.append(waiting)
    if sender.project and wording.needs_person(sender):
        parts.append(markup.quiet(markup.escaped(sender.project)))
    return " · ".join(parts)


def _draw_delete(sender: Sender) -> None:
    if st.button(
        f"Delete {markup.escaped(sender.alias)}",  # for assistive technology: style.css hides it
        key=f"delete-{sender.alias}",
        icon=":material/delete:",
        type="tertiary",
    ):
        dialogs.show(DeleteSender(sender))

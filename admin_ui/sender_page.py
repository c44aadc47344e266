"""One sender: its status, grant, deliveries, history and settings."""

from datetime import datetime, tzinfo
from functools import partial

import streamlit as st

from admin_ui import (
    access,
    dialogs,
    error_notices,
    heading,
    live,
    markup,
    offered_account,
    page_title,
    queue_panel,
    queue_wording,
    reauth_state,
    send_plot,
    sender_alerts,
    ticket_dialog,
    timezone,
    unknown_outcome,
    wording,
)
from admin_ui.access import Visitor
from admin_ui.announcements import announce_renewed
from admin_ui.delivery_rows import draw_deliveries
from admin_ui.reauth_state import Reauths
from admin_ui.sender_dialogs import DeleteSender
from admin_ui.sender_forms import (
    draw_client,
    draw_drafts,
    draw_fallback,
    draw_identity,
    draw_service_account,
    draw_test_message,
)
from mailcore import (
    Sender,
    SenderNotFound,
    SenderStatus,
    describe_age,
    describe_drafts,
    describe_duration,
    describe_event,
    describe_grant,
    now,
)

TABS = ("Overview", "Deliveries", "History", "Edit")

#: What is known of the grant's end no longer counts.
_REFUSED = (SenderStatus.EXPIRED, SenderStatus.BLOCKED)

_Found = tuple[Sender, Reauths]


def draw() -> None:
    """Draw the page of the sender that the URL names."""
    visitor = access.visitor()
    alias = st.query_params.get("sender", "")
    try:
        sender = visitor.core.senders.get(alias)
    except SenderNotFound:
        _draw_not_found(visitor, alias)
        return
    page_title.draw(alias)
    _draw_status(alias)
    overview, deliveries, history, edit = st.tabs(TABS, default=_requested_tab())
    with overview:
        _draw_overview(visitor, sender)
    with deliveries:
        _draw_recent_deliveries(visitor, alias)
    with history:
        sender_alerts.draw(visitor, alias)
        _draw_history(visitor, alias)
    with edit:
        draw_identity(visitor, sender)
        draw_fallback(visitor, sender)
        draw_drafts(visitor, sender)
        draw_client(visitor, sender)
        draw_service_account(visitor, sender)
        _draw_delete(sender)
    dialogs.draw()


def _draw_not_found(visitor: Visitor, alias: str) -> None:
    name = markup.escaped(alias)
    heading.draw(name or "Sender")
    st.warning(
        f"There is no sender named {name}. It may have been deleted."
        if alias
        else "This link doesn't name a sender.",
        icon=":material/search_off:",
    )
    st.page_link("senders_page.py", label="All senders", icon=":material/arrow_back:")
    _draw_history(visitor, alias)


def _requested_tab() -> str:
    asked = st.query_params.get("tab", "")
    return asked if asked in TABS else TABS[0]


@st.fragment
def _draw_status(alias: str) -> None:
    visitor = access.visitor()

    def look() -> _Found:
        return visitor.core.senders.get(alias), visitor.core.authorizations.unfinished((alias,))

    live.draw("status", look, partial(_draw_heading, visitor), as_shown=_as_shown)


def _as_shown(found: _Found) -> object:
    (sender, reauths), at = found, now()
    reauth = reauth_state.as_shown(sender, reauths.get(sender.alias), at)
    return wording.as_shown(sender, at), reauth


def _draw_heading(visitor: Visitor, found: _Found) -> None:
    sender, reauths = found
    reauth = reauths.get(sender.alias)
    announce_renewed((sender,))
    badge = wording.sender_badge(sender)
    with st.container(gap="xxsmall"):
        with heading.draw(markup.escaped(sender.alias)):
            reauth_state.draw_button(sender, reauth)
        account = sender.gmail_account or "no account yet"
        st.markdown(markup.quiet(markup.escaped(account)))
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(badge.word, icon=badge.icon, color=badge.color)
            st.markdown(markup.escaped(describe_grant(sender, now())))
            if waiting := queue_wording.of_sender(sender, now()):
                st.markdown(waiting)
            unknown_outcome.draw_link(sender.alias, sender.unknown)
        reauth_state.draw_line(sender, reauth, now())
        if sender.offered_account:
            offered_account.draw(visitor, sender)
        elif remedy := wording.remedy(sender):
            st.markdown(remedy)


def _draw_overview(visitor: Visitor, sender: Sender) -> None:
    at, zone = now(), timezone.zone()
    queue_panel.draw(sender.alias)
    grant, mail = st.columns(2)
    with grant.container(border=True, height="stretch"):
        heading.section("Grant")
        allowed = dict.fromkeys(wording.scope(scope) for scope in sender.granted_scopes)
        with st.container(gap="xxsmall"):
            if sender.service_account:
                _fact("Service account", sender.service_account)
            _fact("Granted", _when(sender.grant_issued_at, at, zone))
            if sender.status in _REFUSED:
                _fact("Refused by Google", _when(sender.status_changed_at, at, zone))
            else:
                _fact("Expires", _expiry(sender, at, zone))
            _fact("Last refreshed", _when(sender.last_refreshed_at, at, zone))
            _fact("Google last asked", _when(sender.asked_at, at, zone))
            _fact("Permissions", ", ".join(allowed) or "none yet")
        with st.container(horizontal=True, gap="xsmall"):
            if st.button("Check with Google now", icon=":material/health_and_safety:"):
                _check(visitor, sender.alias)
            if not sender.service_account and st.button(
                "Link for the mailbox owner", icon=":material/link:"
            ):
                ticket_dialog.issue(sender.alias)
    with mail.container(border=True, height="stretch"):
        heading.section("Messages")
        error = "none"
        if sender.last_error_at is not None:
            error = f"{sender.last_error_text} ({describe_age(sender.last_error_at, at)})"
        with st.container(gap="xxsmall"):
            _fact("Last sent", _when(sender.last_sent_at, at, zone))
            _fact("Last error", error)
            if sender.use_drafts:
                _fact("Sends", describe_drafts(sender))
            if sender.fallback_alias:
                after = f"after {sender.fallback_after // 60} min"
                _fact("Fallback", f"{sender.fallback_alias}, {after}, for mail that allows it")
            if others := visitor.core.senders.fallback_of(sender.alias):
                _fact("Fallback of", ", ".join(others))
        draw_test_message(visitor, sender)
    with st.container(border=True):
        heading.section("Messages per day, last 30 days")
        send_plot.draw(visitor.core.deliveries.per_day(sender.alias))


def _fact(name: str, value: str) -> None:
    st.markdown(f"**{name}:** {markup.escaped(value)}")


def _when(moment: datetime | None, at: datetime, zone: tzinfo) -> str:
    if moment is None:
        return "never"
    return f"{wording.moment(moment, zone)} ({describe_age(moment, at)})"


def _expiry(sender: Sender, at: datetime, zone: tzinfo) -> str:
    end = sender.grant_expires_at
    if sender.service_account:
        return "never"
    if end is None:
        return "no expiry date" if sender.grant_issued_at else "not granted yet"
    away = describe_age(end, at) if end <= at else f"in {describe_duration(end - at)}"
    return f"{wording.moment(end, zone)} ({away})"


def _check(visitor: Visitor, alias: str) -> None:
    with error_notices.explained():
        with st.spinner("Asking Google …"):
            sender = visitor.core.check(alias)
        badge = wording.sender_badge(sender)
        dialogs.flash(f"{markup.escaped(alias)} is {badge.word.lower()}")
        st.rerun()


def _draw_recent_deliveries(visitor: Visitor, alias: str) -> None:
    page = visitor.core.deliveries.page(alias=alias, limit=25)
    if not page.deliveries:
        st.info("Nothing has been sent through this sender yet.", icon=":material/inbox:")
        return
    draw_deliveries(page.deliveries, timezone.zone(), with_sender=False)
    if page.matching > len(page.deliveries):
        st.page_link(
            "deliveries_page.py",
            label=f"Show all {page.matching} deliveries",
            icon=":material/receipt_long:",
            query_params={"sender": alias},
        )


def _draw_history(visitor: Visitor, alias: str) -> None:
    zone = timezone.zone()
    for event in visitor.core.senders.events(alias):
        with st.container(border=True, gap=None):
            st.markdown(f"**{markup.escaped(describe_event(event.what))}**")
            if event.detail:
                st.markdown(markup.sentence(event.detail))
            by = markup.escaped(f"{wording.moment(event.at, zone)} · by {event.who}")
            st.markdown(markup.quiet(by))


def _draw_delete(sender: Sender) -> None:
    with st.container(border=True):
        heading.section("Delete")
        st.caption("This deletes its grant for good. You will be asked to type its alias.")
        if st.button("Delete this sender", icon=":material/delete:"):
            dialogs.show(DeleteSender(sender))


draw()

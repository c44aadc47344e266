"""The list of senders: their status, and the buttons that fix it."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Literal

import streamlit as st

from admin_ui import (
    access,
    alert_notices,
    dialogs,
    heading,
    live,
    markup,
    paging,
    queue_wording,
    reauth_dialog,
    unknown_outcome,
    wording,
)
from admin_ui.renewal_dialog import ChooseRenewal
from admin_ui.sender_dialogs import AddSender, DeleteSender
from mailcore import (
    AlertHealth,
    DeploymentProblem,
    Sender,
    SenderPage,
    SenderStatus,
    Totals,
    describe_age,
    describe_grant,
    now,
)

Filter = Literal["all", "healthy", "expiring", "expired", "blocked", "pending"]
FILTERS: tuple[Filter, ...] = ("all", "expired", "expiring", "blocked", "pending", "healthy")

_Found = tuple[SenderPage, AlertHealth]

_SEARCH, _FILTER = "search", "show"
_SENT_TO_SETUP = "sent-to-setup"


def draw() -> None:
    """Draw the page."""
    _draw_senders()
    dialogs.draw()


@st.fragment
def _draw_senders() -> None:
    live.draw("senders", _look(), _draw_found, as_shown=_as_shown)


def _look() -> Callable[[], _Found]:
    read, alerts = paging.requested(_query()), access.visitor().core.alerts
    return lambda: (read(), alerts.health())


def _query() -> paging.Read[SenderPage]:
    chosen: Filter = st.session_state.get(_FILTER) or "all"
    return partial(
        access.visitor().core.senders.page,
        search=st.session_state.get(_SEARCH) or "",
        status=None if chosen == "all" else _status(chosen),
    )


def _as_shown(found: _Found) -> object:
    page, health = found
    at = now()
    problem = page.problem and (page.problem.text, page.problem.alias, _age(page.problem, at))
    senders = tuple(wording.as_shown(sender, at) for sender in page.senders)
    counts = page.matching, page.totals, page.projects, page.ending, page.unknown
    return senders, counts, problem, alert_notices.as_shown(health)


def _draw_found(found: _Found) -> None:
    page, health = found
    if page.totals.all:
        _draw_page(page, health)
    else:
        _draw_head(page)
        unknown_outcome.draw_notice(page.unknown)
        _draw_no_senders()


def _draw_page(page: SenderPage, health: AlertHealth) -> None:
    _draw_head(page)
    unknown_outcome.draw_notice(page.unknown)
    alert_notices.draw(health)
    _draw_problem(page)
    _draw_controls(page.totals)
    _draw_rows(page)
    paging.draw(page.matching)


def _status(chosen: Filter) -> SenderStatus | Literal["expiring"]:
    return "expiring" if chosen == "expiring" else SenderStatus(chosen)


def _draw_head(page: SenderPage) -> None:
    due = page.totals.expiring + page.totals.expired
    label = f"Renew all due ({due})" if due else "Renew ahead"
    with heading.draw("Senders"):
        if (due or page.ending) and st.button(label, icon=":material/autorenew:"):
            dialogs.show(ChooseRenewal(any_due=bool(due)))
        if st.button("Add a sender", type="primary", icon=":material/add:"):
            dialogs.show(AddSender())


def _draw_no_senders() -> None:
    if access.visitor().core.client.current() is None and not st.session_state.get(_SENT_TO_SETUP):
        st.session_state[_SENT_TO_SETUP] = True
        st.switch_page("setup_page.py")
    with st.container(border=True):
        st.subheader("No senders yet", anchor=False)
        st.markdown(
            "A sender is a Gmail account that your jobs send through.\n\n"
            "1. **Add a sender**: give it an alias, such as `alerts`.\n"
            "2. **Consent once** on Google's page, with its account.\n"
            '3. In a job: `mailcore.send_email("alerts", to=…, subject=…, text=…)`.'
        )
        st.caption("Coming from gmail-sdk? `pal-e-mail import-tokens DIR` imports its token files.")


def _draw_problem(page: SenderPage) -> None:
    if page.problem is None:
        return
    st.error(
        markup.sentence(page.problem.text),
        title="The OAuth client or the Google project is at fault, not the senders",
        icon=":material/report:",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        seen = f"Last seen {_age(page.problem, now())}, when using {page.problem.alias}"
        st.markdown(markup.quiet(markup.escaped(seen)), width="stretch")
        st.page_link("setup_page.py", label="Open Setup", icon=":material/settings:")


def _age(problem: DeploymentProblem, at: datetime) -> str:
    return describe_age(problem.at, at)


def _draw_controls(totals: Totals) -> None:
    counts = {
        "all": totals.all,
        "healthy": totals.healthy - totals.expiring,
        "expiring": totals.expiring,
        "expired": totals.expired,
        "blocked": totals.blocked,
        "pending": totals.pending,
    }

    def labelled(name: Filter) -> str:
        return f"{_filter_icon(name)}{name.capitalize()} **{counts[name]}**"

    show, search = st.columns([7, 3], vertical_alignment="center", gap="xsmall")
    show.pills(
        "Show",
        FILTERS,
        default="all",
        required=True,
        format_func=labelled,
        key=_FILTER,
        label_visibility="collapsed",
        on_change=paging.to_first,
        width="stretch",
        wrap=True,
    )
    search.text_input(
        "Search by alias, account or project",
        placeholder="Alias, account or project",
        type="search",
        live=True,
        key=_SEARCH,
        label_visibility="collapsed",
        on_change=paging.to_first,
    )


def _filter_icon(name: Filter) -> str:
    if name == "all":
        return ""
    badge = wording.EXPIRING if name == "expiring" else wording.status_badge(SenderStatus(name))
    return f":{badge.color}[{badge.icon}] "


def _draw_rows(page: SenderPage) -> None:
    if not page.senders:
        st.info("No senders match.", icon=":material/search_off:")
        return
    at = now()
    for group, senders in groupby(page.senders, key=_group):
        if page.projects > 1:
            heading.section(markup.escaped(group))
        with st.container(gap="xsmall"):
            for sender in senders:
                _draw_row(sender, at)


def _group(sender: Sender) -> str:
    return "Needs attention" if wording.needs_person(sender) else sender.project or "No project"


def _draw_row(sender: Sender, at: datetime) -> None:
    with st.container(border=True, key=f"sender-{sender.alias}"):
        who, state, actions = st.columns([5, 6, 3], vertical_alignment="center", gap="xsmall")
        with who.container(horizontal=True, vertical_alignment="center", gap="small"):
            badge = wording.sender_badge(sender)
            st.badge(badge.word, icon=badge.icon, color=badge.color, width=92)
            with st.container(gap=None, width="stretch"):
                st.page_link(
                    "sender_page.py",
                    label=f"**{markup.escaped(sender.alias)}**",
                    query_params={"sender": sender.alias},
                )
                account = sender.gmail_account or "no account yet"
                st.markdown(markup.quiet(markup.escaped(account)))
        with state.container(gap=None):
            st.markdown(markup.escaped(describe_grant(sender, at)))
            if sender.status is SenderStatus.BLOCKED and sender.status_reason:
                st.markdown(markup.quiet(markup.sentence(sender.status_reason)))
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
                st.markdown(_second_line(sender, at), width="content")
                unknown_outcome.draw_link(sender.alias, sender.unknown)
        with actions.container(
            horizontal=True, horizontal_alignment="right", vertical_alignment="center", gap="xsmall"
        ):
            if st.button(
                "Re-auth",
                key=f"reauth-{sender.alias}",
                help=f"Re-authorise {sender.alias} with Google",
                type="primary" if wording.renewable(sender) else "secondary",
            ):
                reauth_dialog.begin(sender.alias)
            if st.button(
                "Delete",
                key=f"delete-{sender.alias}",
                help=f"Delete {sender.alias}",
                icon=":material/delete:",
                type="tertiary",
            ):
                dialogs.show(DeleteSender(sender))


def _second_line(sender: Sender, at: datetime) -> str:
    parts = [markup.quiet(wording.last_sent(sender, at))]
    if waiting := queue_wording.of_sender(sender, at):
        parts.append(waiting)
    if sender.project and wording.needs_person(sender):
        parts.append(markup.quiet(markup.escaped(sender.project)))
    return " · ".join(parts)


draw()

"""The list of senders: their status, and the buttons that fix it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

import streamlit as st

from admin_ui import (
    access,
    address,
    alert_notices,
    dialogs,
    grant_timeline,
    heading,
    live,
    markup,
    page_title,
    paging,
    sender_bulk,
    sender_rows,
    sparkline,
    timezone,
    unknown_outcome,
    wording,
)
from admin_ui.announcements import announce_renewed
from admin_ui.grant_timeline import Day
from admin_ui.navigation import SENDERS
from admin_ui.reauth_state import Reauths
from admin_ui.renewal_dialog import ChooseRenewal
from admin_ui.sender_dialogs import AddSender
from admin_ui.sparkline import Counts
from mailcore import (
    AlertHealth,
    DeploymentProblem,
    SenderPage,
    SenderStatus,
    Totals,
    describe_age,
    now,
)

Filter = Literal["all", "healthy", "expiring", "expired", "blocked", "pending"]
FILTERS: tuple[Filter, ...] = ("all", "expired", "expiring", "blocked", "pending", "healthy")


@dataclass(frozen=True, slots=True)
class Overview:
    """What the page shows.

    Attributes:
        page: the senders, and what is said above them.
        reauths: those of them that are unfinished.
        alerts: whether anybody is told.
        coming: when grants end, day by day.
        counts: what the senders did lately.
    """

    page: SenderPage
    reauths: Reauths
    alerts: AlertHealth
    coming: tuple[Day, ...]
    counts: Counts


_PLACE, _SEARCH, _SHOW = "senders", "search", "show"
_SENT_TO_SETUP = "sent-to-setup"


def draw() -> None:
    """Draw the page."""
    _draw_senders()
    dialogs.draw()


@st.fragment
def _draw_senders() -> None:
    live.draw("senders", _look(), _draw_found, as_shown=_as_shown)


def _look() -> Callable[[], Overview]:
    core, zone = access.visitor().core, timezone.zone()
    read = paging.requested(_PLACE, _query())

    def look() -> Overview:
        page = read()
        aliases = tuple(sender.alias for sender in page.senders)
        return Overview(
            page,
            core.authorizations.unfinished(aliases),
            core.alerts.health(),
            grant_timeline.days(core.senders.ends_ahead(grant_timeline.AHEAD), now(), zone),
            sparkline.read(core, aliases),
        )

    return look


def _query() -> paging.Read[SenderPage]:
    return partial(access.visitor().core.senders.page, **_chosen())


def _chosen() -> dict[str, Any]:
    """Return the filter. At first, only the address knows it."""
    show = _shown()
    search = address.read(_PLACE, _SEARCH)
    return {"search": search, "status": None if show == "all" else _status(show)}


def _as_shown(found: Overview) -> object:
    page, at = found.page, now()
    problem = page.problem and (page.problem.text, page.problem.alias, _age(page.problem, at))
    rows = sender_rows.as_shown(page, found.reauths, at)
    counts = page.matching, page.totals, page.projects, page.ending, page.unknown
    pictures = found.coming, found.counts
    return rows, counts, problem, alert_notices.as_shown(found.alerts), pictures


def _draw_found(found: Overview) -> None:
    page = found.page
    page_title.draw(SENDERS.title, count=page.totals.all - _fine(page.totals))
    announce_renewed(page.senders)
    _draw_head(page)
    unknown_outcome.draw_notice(page.unknown)
    if not page.totals.all:
        _draw_no_senders()
        return
    alert_notices.draw(found.alerts)
    _draw_problem(page)
    grant_timeline.draw(found.coming)
    _draw_controls(page.totals)
    sender_rows.draw(page, found.reauths, found.counts)
    paging.draw(_PLACE, page.matching)
    address.draw(_PLACE)


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
        heading.section("No senders yet")
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


def _shown() -> Filter:
    asked = address.read(_PLACE, _SHOW)
    return asked if asked in FILTERS else "all"


def _choose() -> None:
    show, search = st.session_state[_SHOW] or _shown(), st.session_state[_SEARCH]
    address.write(_PLACE, _SHOW, "" if show == "all" else show)
    address.write(_PLACE, _SEARCH, search.strip())
    paging.to_first(_PLACE)


def _fine(totals: Totals) -> int:
    return totals.healthy - totals.expiring


def _draw_controls(totals: Totals) -> None:
    counts = {
        "all": totals.all,
        "healthy": _fine(totals),
        "expiring": totals.expiring,
        "expired": totals.expired,
        "blocked": totals.blocked,
        "pending": totals.pending,
    }

    def labelled(name: Filter) -> str:
        return f"{_filter_icon(name)}{name.capitalize()} **{counts[name]}**"

    # A tab that comes back after its connection was lost may say that nothing is chosen.
    st.session_state[_SHOW] = st.session_state.get(_SHOW) or _shown()
    st.session_state.setdefault(_SEARCH, address.read(_PLACE, _SEARCH))
    show, search, many = st.columns([14, 6, 4], vertical_alignment="center", gap="xsmall")
    show.pills(
        "Show",
        FILTERS,
        required=True,
        format_func=labelled,
        key=_SHOW,
        label_visibility="collapsed",
        on_change=_choose,
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
        on_change=_choose,
    )
    with many.container(horizontal_alignment="right"):
        sender_bulk.draw(_chosen)


def _filter_icon(name: Filter) -> str:
    if name == "all":
        return ""
    badge = wording.EXPIRING if name == "expiring" else wording.status_badge(SenderStatus(name))
    return f":{badge.color}[{badge.icon}] "


draw()

"""*Renew all due*: one re-auth after another, so that grants end together from then on."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal

import streamlit as st

from admin_ui import access, dialogs, error_notices, live
from admin_ui.access import Visitor
from admin_ui.markup import escaped, quiet
from admin_ui.reauth_dialog import draw_close, draw_google_link, draw_reason
from admin_ui.timezone import zone
from mailcore import (
    Authorization,
    AuthorizationOutcome,
    AuthorizationProgress,
    PalEMailError,
    RenewalWalk,
    Sender,
    now,
)

_DUE, _AHEAD = "Renew all due", "Renew ahead"

_Choice = Literal["due", "3 days", "7 days", "date"]
_CHOICES: tuple[_Choice, ...] = ("due", "3 days", "7 days", "date")
_WITHIN = {"3 days": timedelta(days=3), "7 days": timedelta(days=7)}
#: How many senders are named before anything starts.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class ChooseRenewal:
    """Asks how much to renew, and says how many senders that is.

    Attributes:
        any_due: whether any sender is expired or expiring.
    """

    any_due: bool

    @property
    def title(self) -> str:
        """The heading."""
        return _DUE if self.any_due else _AHEAD

    def draw(self, visitor: Visitor) -> None:
        """Draw the choices, and the button that starts."""
        place = st.container()
        project = _choose_project(visitor)
        with place:
            walk = self._choose_walk(visitor, project)
        found = visitor.core.senders.page(walk=walk, limit=_NAMED)
        if not found.matching:
            st.info("No sender is expired, or ends before then.", icon=":material/check_circle:")
            return
        st.markdown(quiet(_named(found.senders, found.matching)))
        count = "1 sender" if found.matching == 1 else f"{found.matching} senders"
        if st.button(f"Renew {count}", type="primary", width="stretch"):
            renew(walk, found.matching)

    def _choose_walk(self, visitor: Visitor, project: str | None) -> RenewalWalk:
        at = now()
        walks = {
            "due": RenewalWalk(project=project, since=at),
            **{
                name: RenewalWalk(ends_before=at + within, project=project, since=at)
                for name, within in _WITHIN.items()
            },
        }
        counts = {
            name: visitor.core.senders.page(walk=walk, limit=1).matching
            for name, walk in walks.items()
        }
        chosen = st.radio(
            "Which senders",
            _CHOICES,
            index=_CHOICES.index("due" if self.any_due else "7 days"),
            format_func=lambda choice: _labelled(choice, counts),
            key="renewal-choice",
            help="Expired senders are always included. Senders that are renewed together expire "
            "together next time.",
        )
        if chosen != "date":
            return walks[chosen]
        return RenewalWalk(ends_before=_choose_date(at), project=project, since=at)


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
class RenewAll:
    """Re-auths of all senders of a walk, one after another.

    Attributes:
        authorization: the one that this dialog began last.
        walk: which senders.
        total: how many they were at the start.
    """

    authorization: Authorization
    walk: RenewalWalk
    total: int

    @property
    def title(self) -> str:
        """The heading."""
        return _title(self.walk)

    def draw(self, visitor: Visitor) -> None:
        """Draw the re-auths."""
        del visitor
        _follow(self)

    def follow(self, visitor: Visitor) -> None:
        """Draw how many are done and the link for the next one, and keep that up to date."""

        def look() -> tuple[int, AuthorizationProgress]:
            left = visitor.core.senders.page(walk=self.walk, limit=1).matching
            return left, visitor.core.authorizations.progress(self.authorization.id)

        live.draw("reauth", look, self._draw_progress, as_shown=lambda found: found)

    def _draw_progress(self, found: tuple[int, AuthorizationProgress]) -> None:
        left, progress = found
        done = max(self.total - left, 0)
        st.progress(done / self.total, text=f"{done} of {self.total} renewed")
        if not left:
            st.success("Done: no sender is left to renew.", icon=":material/check_circle:")
            draw_close()
            return
        if progress.outcome is AuthorizationOutcome.WAITING:
            st.markdown(f"Next: **{escaped(self.authorization.alias)}**")
            draw_google_link(self.authorization.gmail_account, self.authorization.url)
            st.caption("After each consent, the page you land on offers the next sender.")
            return
        refused = progress.outcome is AuthorizationOutcome.REFUSED
        if refused:
            draw_reason(progress)
        st.caption("Continue in the tab where you consented, or here:")
        label = "Try again" if refused and left == 1 else "Next sender"
        if st.button(label, type="primary", width="stretch"):
            renew(self.walk, self.total)


def renew(walk: RenewalWalk, total: int) -> None:
    """Begin the re-auth of a walk's next sender, because somebody clicked.

    Args:
        walk: which senders.
        total: how many they were at the start.
    """
    visitor = access.visitor()
    try:
        authorization = visitor.core.authorizations.next_due(by=visitor.by, walk=walk)
    except PalEMailError as exc:
        dialogs.show(NotStarted(_title(walk), exc))
        return
    if authorization is None:
        dialogs.close("No sender is left to renew")
    else:
        dialogs.show(RenewAll(authorization, walk, total))


def _title(walk: RenewalWalk) -> str:
    return _AHEAD if walk.ends_before else _DUE


def _choose_project(visitor: Visitor) -> str | None:
    projects = visitor.core.senders.projects()
    if not projects:
        return None
    return st.selectbox(
        "Project",
        [None, *projects],
        format_func=lambda name: name or "All projects",
        key="renewal-project",
    )


def _choose_date(at: datetime) -> datetime:
    """Ask for a day, and return when it begins for whoever chooses it."""
    today = at.astimezone(zone()).date()
    day = st.date_input(
        "Ends before",
        value=today + timedelta(days=14),
        min_value=today + timedelta(days=1),
        format="YYYY-MM-DD",
        key="renewal-date",
    )
    return datetime.combine(day, time.min, zone()).astimezone(UTC)


def _labelled(choice: _Choice, counts: dict[str, int]) -> str:
    match choice:
        case "due":
            return f"Due now: expired, or ends within 48 hours **{counts[choice]}**"
        case "date":
            return "Ends before a date"
        case _:
            return f"Ends within {choice} **{counts[choice]}**"


def _named(senders: tuple[Sender, ...], matching: int) -> str:
    names = ", ".join(escaped(sender.alias) for sender in senders)
    more = matching - len(senders)
    return f"{names} and {more} more" if more else names


@st.fragment
def _follow(dialog: RenewAll) -> None:
    # A fragment, so that it updates in place: a rerun would close and reopen the dialog.
    dialog.follow(access.visitor())

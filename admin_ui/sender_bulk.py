"""What can be done to all senders that match the filter. Each asks first, with a count."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from admin_ui import bulk_menu, dialogs
from admin_ui.access import Visitor
from admin_ui.csv_download import CsvDownload
from admin_ui.markup import escaped, sentence
from mailcore import DatabaseUnavailable, PalEMailError, Sender, senders_csv

#: How many failures are told in full.
_TOLD = 5


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done to many senders at once.

    Attributes:
        verb: on its button.
        done: what is said afterwards.
        icon: a Material icon.
        meaning: what it does, for the question.
        act: does it to one sender, and returns what is handed out, or None.
        is_final: it cannot be undone, so the number of senders has to be typed.
    """

    verb: str
    done: str
    icon: str
    meaning: str
    act: Callable[[Visitor, Sender], str | None]
    is_final: bool = False


def draw(filters: Callable[[], Mapping[str, Any]]) -> None:
    """Draw the menu.

    Args:
        filters: returns those of `SenderRegistry.every` that are set.
    """
    action = bulk_menu.draw(_ACTIONS, lambda: CsvDownload("senders", partial(_lines, filters())))
    if action:
        dialogs.show(ManySenders(action, filters()))


@dataclass(frozen=True, slots=True)
class ManySenders:
    """Says how many it concerns and what it does, and asks."""

    action: Action
    filters: Mapping[str, Any]

    @property
    def title(self) -> str:
        """The heading."""
        return f"{self.action.verb}: all that match"

    def draw(self, visitor: Visitor) -> None:
        """Draw the count, what it means, and the button; then how far it is."""
        senders = list(visitor.core.senders.every(**self.filters))
        if not senders:
            st.info("No senders match.", icon=":material/search_off:")
            return
        st.markdown(f"This affects **{_count(senders)}**. {self.action.meaning}")
        if self._is_confirmed(len(senders)):
            self._run(visitor, senders)

    def _is_confirmed(self, count: int) -> bool:
        action = self.action
        with st.form("many-senders", border=False):
            typed = str(count)
            if action.is_final:
                typed = st.text_input(f"Type {count} to confirm", autocomplete="off").strip()
            wrong = st.empty()
            clicked = st.form_submit_button(
                f"{action.verb}: {count}",
                key="delete-for-good" if action.is_final else "many-senders-go",
                icon=action.icon,
                type="primary",
                width="stretch",
            )
        if clicked and typed != str(count):
            wrong.error(f"That isn't {count}. Nothing was changed.")
            return False
        return clicked

    def _run(self, visitor: Visitor, senders: list[Sender]) -> None:
        handed_out: list[tuple[str, str, str]] = []
        failures: list[str] = []
        bar = st.progress(0.0)
        for number, sender in enumerate(senders, start=1):
            try:
                given = self.action.act(visitor, sender)
            except DatabaseUnavailable:
                raise
            except PalEMailError as exc:
                failures.append(f"**{escaped(sender.alias)}**: {sentence(exc.message)}")
            else:
                if given is not None:
                    handed_out.append((sender.alias, sender.gmail_account or "", given))
            bar.progress(number / len(senders), text=f"{number} of {len(senders)}")
        done = f"{self.action.done} {_count(senders[len(failures) :])}"
        if not failures and not handed_out:
            dialogs.close(done)
        st.success(done, icon=":material/check_circle:")
        _draw_handed_out(handed_out)
        _draw_failures(failures)


def _lines(filters: Mapping[str, Any], visitor: Visitor) -> Iterator[str]:
    return senders_csv(visitor.core.senders.every(**filters))


def _count(senders: list[Sender]) -> str:
    return "1 sender" if len(senders) == 1 else f"{len(senders)} senders"


def _draw_handed_out(rows: list[tuple[str, str, str]]) -> None:
    if not rows:
        return
    table = io.StringIO()
    csv.writer(table).writerows([("sender", "account", "link"), *rows])
    st.download_button(
        "Download the links",
        table.getvalue(),
        file_name="reauth-links.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        type="primary",
        width="stretch",
    )
    st.caption("Send each owner their own link. It works until they have consented, for 72 hours.")


def _draw_failures(failures: list[str]) -> None:
    for failure in failures[:_TOLD]:
        st.error(failure, icon=":material/error:")
    if len(failures) > _TOLD:
        st.error(f"And {len(failures) - _TOLD} more.", icon=":material/error:")


def _link(visitor: Visitor, sender: Sender) -> str | None:
    return visitor.core.tickets.issue(sender.alias, by=visitor.by).url


def _pause(visitor: Visitor, sender: Sender) -> None:
    visitor.core.queue.pause(sender.alias, by=visitor.by)


def _resume(visitor: Visitor, sender: Sender) -> None:
    visitor.core.queue.resume(sender.alias, by=visitor.by)


def _delete(visitor: Visitor, sender: Sender) -> None:
    visitor.core.senders.delete(sender.alias, by=visitor.by)


_ACTIONS = (
    Action(
        "Links for the owners",
        "Created a link for",
        ":material/link:",
        "Each mailbox owner gets a link to consent without access to this page.",
        _link,
    ),
    Action(
        "Pause",
        "Paused the queues of",
        ":material/pause_circle:",
        "Nothing is sent from their queues until someone resumes them.",
        _pause,
    ),
    Action(
        "Resume",
        "Resumed the queues of",
        ":material/play_circle:",
        "What waits in their queues goes out, unless something else holds it.",
        _resume,
    ),
    Action(
        "Delete",
        "Deleted",
        ":material/delete:",
        "Their grants are revoked at Google and deleted for good, and what waits in their queues "
        "is discarded. Their history and deliveries are kept.",
        _delete,
        is_final=True,
    ),
)

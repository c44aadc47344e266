"""What can be done to all deliveries that match the filters. Each asks first, with a count."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from admin_ui import bulk_menu, dialogs
from admin_ui.access import Visitor
from admin_ui.csv_download import CsvDownload
from mailcore import QueueChange, deliveries_csv, describe_messages


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done to many deliveries at once.

    Attributes:
        change: the name of the method of `Mailcore.queue`.
        verb: on its button.
        done: what is said afterwards.
        icon: a Material icon.
        meaning: what it does, for the question.
        concerns: which deliveries it can be done to.
    """

    change: QueueChange
    verb: str
    done: str
    icon: str
    meaning: str
    concerns: str


_ACTIONS = (
    Action(
        "release",
        "Release",
        "Released",
        ":material/play_circle:",
        "A held message waits as it did before it was held. One queued for later goes out now.",
        "held by someone, or queued for later",
    ),
    Action(
        "hold",
        "Hold",
        "Held",
        ":material/pause_circle:",
        "They are held until someone releases them.",
        "in the queue and not yet held by someone",
    ),
    Action(
        "discard",
        "Cancel",
        "Cancelled",
        ":material/delete:",
        "They won't be sent. A job that retries with the same idempotency key gets an error.",
        "waiting",
    ),
    Action(
        "send_again",
        "Send again",
        "Queued again:",
        ":material/send:",
        "They are queued again. Messages with unknown outcome are included only if you filter "
        "by that status; recipients may get those twice.",
        "failed or lapsed, and still stored",
    ),
)


def draw(filters: Callable[[], Mapping[str, Any]]) -> None:
    """Draw the menu.

    Args:
        filters: returns those of `DeliveryLog.page` that are set.
    """
    action = bulk_menu.draw(_ACTIONS, lambda: CsvDownload("deliveries", partial(_lines, filters())))
    if action:
        dialogs.show(ManyAtOnce(action, filters()))


def _lines(filters: Mapping[str, Any], visitor: Visitor) -> Iterator[str]:
    return deliveries_csv(visitor.core.deliveries.every(**filters))


@dataclass(frozen=True, slots=True)
class ManyAtOnce:
    """Says how many it concerns and what it does, and asks."""

    action: Action
    filters: Mapping[str, Any]

    @property
    def title(self) -> str:
        """The heading."""
        return f"{self.action.verb} all that match?"

    def draw(self, visitor: Visitor) -> None:
        """Draw the count, what it means, and the button."""
        action, queue = self.action, visitor.core.queue
        count = queue.count(action.change, **self.filters)
        if not count:
            nothing = f"None of the matching deliveries is {action.concerns}."
            st.info(nothing, icon=":material/inbox:")
            return
        messages = describe_messages(count)
        st.markdown(f"This affects **{messages}**. {action.meaning}")
        label = f"{action.verb} {messages}"
        if st.button(label, icon=action.icon, type="primary", width="stretch"):
            changed = getattr(queue, action.change)(**self.filters, by=visitor.by)
            dialogs.close(f"{action.done} {describe_messages(changed)}")

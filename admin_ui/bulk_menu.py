"""The menu of what can be done to all that match a filter."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import streamlit as st

from admin_ui import dialogs
from admin_ui.csv_download import CsvDownload


class Entry(Protocol):
    """What stands in the menu."""

    @property
    def verb(self) -> str:
        """Its words."""

    @property
    def icon(self) -> str:
        """A Material icon."""


@dataclass(frozen=True, slots=True)
class _Download:
    verb: str = "Download as CSV"
    icon: str = ":material/download:"


ActionT = TypeVar("ActionT", bound=Entry)


def draw(actions: Sequence[ActionT], download: Callable[[], CsvDownload]) -> ActionT | None:
    """Draw the menu, and offer the download if that is chosen.

    Args:
        actions: what else there is.
        download: makes it, for the filter as it is.

    Returns:
        The action that was chosen just now, or None.
    """
    entries: tuple[ActionT | _Download, ...] = (*actions, _Download())
    chosen = st.menu_button(
        "All that match",
        entries,
        icon=":material/checklist:",
        format_func=lambda entry: f"{entry.icon} {entry.verb} …",
    )
    if isinstance(chosen, _Download):
        dialogs.show(download())
        return None
    return chosen

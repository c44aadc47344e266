"""Downloading what matches the filter, for a spreadsheet."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import streamlit as st

from admin_ui.access import Visitor

#: Lines in one download; the command prints all.
_MOST = 100_000


@dataclass(frozen=True, slots=True)
class CsvDownload:
    """Offers the file. It is only made once someone clicks.

    Attributes:
        what: ``senders`` or ``deliveries``.
        lines: reads them.
    """

    what: str
    lines: Callable[[Visitor], Iterator[str]]

    @property
    def title(self) -> str:
        """The heading."""
        return f"Download {self.what}: all that match"

    def draw(self, visitor: Visitor) -> None:
        """Draw the button."""
        st.markdown(
            f"One line for each, up to {_MOST:,}; times are in UTC. "
            f"For all of them run `pal-e-mail {self.what} list --csv`."
        )
        st.download_button(
            "Download",
            # With a mark by which Excel knows that it is UTF-8.
            lambda: "".join(islice(self.lines(visitor), _MOST + 1)).encode("utf-8-sig"),
            file_name=f"{self.what}.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
            type="primary",
            width="stretch",
        )

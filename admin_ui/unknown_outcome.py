"""The way to mail of unknown outcome, wherever it is counted: a person has to decide on it."""

import streamlit as st

from admin_ui import wording
from admin_ui.navigation import DELIVERIES
from mailcore import DeliveryStatus

_ICON = wording.delivery_badge(DeliveryStatus.UNKNOWN).icon


def draw_notice(count: int) -> None:
    """Draw one line for the mail of all senders, if there is any, deleted senders' included."""
    if count:
        open_question = f"Gmail may or may not have taken {'it' if count == 1 else 'them'}"
        _draw_link(
            f":violet[{_ICON}] **{wording.undecided(count)}**: {open_question}",
            icon=":material/arrow_forward:",
        )


def draw_link(alias: str, count: int) -> None:
    """Draw the link to one sender's mail, if there is any."""
    if count:
        _draw_link(f":small[:violet[{_ICON} {wording.undecided(count)}]]", sender=alias)


def _draw_link(label: str, *, icon: str | None = None, **filters: str) -> None:
    outcome = wording.delivery_badge(DeliveryStatus.UNKNOWN).word
    st.page_link(
        DELIVERIES.script,
        label=label,
        icon=icon,
        icon_position="right",
        query_params={**filters, "outcome": outcome},
    )

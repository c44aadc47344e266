"""Links to the messages with unknown outcome, for a person to decide."""

import streamlit as st

from admin_ui import wording
from admin_ui.navigation import DELIVERIES
from mailcore import DeliveryStatus

_ICON = wording.delivery_badge(DeliveryStatus.UNKNOWN).icon


def draw_notice(count: int) -> None:
    """Draw one line for all senders, including deleted ones, if there are any."""
    if count:
        open_question = f"Gmail may or may not have sent {'it' if count == 1 else 'them'}"
        _draw_link(
            f":violet[{_ICON}] **{wording.unknown_outcome(count)}**: {open_question}",
            icon=":material/arrow_forward:",
        )


def draw_link(alias: str, count: int) -> None:
    """Draw the link to one sender's messages, if there are any."""
    if count:
        _draw_link(f":small[:violet[{_ICON} {wording.unknown_outcome(count)}]]", sender=alias)


def _draw_link(label: str, *, icon: str | None = None, **filters: str) -> None:
    outcome = wording.delivery_badge(DeliveryStatus.UNKNOWN).word
    st.page_link(
        DELIVERIES.script,
        label=label,
        icon=icon,
        icon_position="right",
        query_params={**filters, "outcome": outcome},
    )

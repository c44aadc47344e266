"""The plot of sent, failed and unknown messages per day."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from mailcore import DayCount

_COLORS = {"sent": "#14907f", "failed": "#d9534f", "unknown": "#8e63ce"}

_ENCODING = {
    "x": {
        "field": "day",
        "type": "ordinal",
        "timeUnit": "utcyearmonthdate",
        "title": None,
        "axis": {"format": "%d %b", "labelAngle": 0, "labelOverlap": True},
    },
    "y": {
        "field": "count",
        "type": "quantitative",
        "aggregate": "sum",
        "title": "messages",
        "axis": {"format": "d", "tickMinStep": 1},
    },
    "color": {
        "field": "outcome",
        "type": "nominal",
        "title": None,
        "scale": {"domain": list(_COLORS), "range": list(_COLORS.values())},
        "legend": {"orient": "top"},
    },
    "tooltip": [
        {"field": "day", "type": "nominal"},
        {"field": "outcome", "type": "nominal"},
        {"field": "count", "type": "quantitative", "aggregate": "sum", "title": "messages"},
    ],
}


def draw(days: Sequence[DayCount]) -> None:
    """Draw one stacked bar per day, or a sentence if there is nothing to plot."""
    if not any(day.sent or day.failed or day.unknown for day in days):
        st.caption("Nothing was sent in the last 30 days.")
        return
    # The plain spec: Altair fails while another visit's thread is still importing pandas.
    spec: dict[str, Any] = {
        "data": {"values": _values(days)},
        "mark": {"type": "bar", "cornerRadius": 2},
        "encoding": _ENCODING,
        "height": 220,
    }
    st.vega_lite_chart(spec, width="stretch", alt="Messages sent, failed and unknown for each day")


def _values(days: Sequence[DayCount]) -> list[dict[str, Any]]:
    return [
        {"day": day.day.date().isoformat(), "outcome": outcome, "count": getattr(day, outcome)}
        for day in days
        for outcome in _COLORS
    ]

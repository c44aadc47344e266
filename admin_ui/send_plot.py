"""The plot of what was sent and what was not, a day at a time."""

from collections.abc import Sequence

import altair as alt
import streamlit as st

from mailcore import DayCount

_COLORS = {"sent": "#14907f", "failed": "#d9534f", "unknown": "#8e63ce"}


def draw(days: Sequence[DayCount]) -> None:
    """Draw one stacked bar a day; say so in words where there is nothing to plot."""
    if not any(day.sent or day.failed or day.unknown for day in days):
        st.caption("Nothing was sent in this time.")
        return
    values = [
        {"day": day.day.date().isoformat(), "outcome": outcome, "count": getattr(day, outcome)}
        for day in days
        for outcome in _COLORS
    ]
    plot = (
        alt.Chart({"values": values})
        .mark_bar(cornerRadius=2)
        .encode(
            x=alt.X("day:O", title=None, timeUnit="utcyearmonthdate", axis=_DAY_AXIS),
            y=alt.Y("sum(count):Q", title="mails", axis=alt.Axis(tickMinStep=1, format="d")),
            color=alt.Color(
                "outcome:N",
                title=None,
                scale=alt.Scale(domain=list(_COLORS), range=list(_COLORS.values())),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=["day:N", "outcome:N", "sum(count):Q"],
        )
        .properties(height=220, description="Mails sent, failed and unknown for each day")
    )
    st.altair_chart(plot, width="stretch")


_DAY_AXIS = alt.Axis(format="%d %b", labelAngle=0, labelOverlap=True)

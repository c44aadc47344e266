"""A sender's last 30 days, small enough for its row: sent, failed and unknown, and what waits."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import streamlit as st

from mailcore import DatabaseUnavailable, DayCount, Mailcore, Sender, describe_messages

DAYS = 30
#: Seconds that counting may take. A picture is no reason to keep anybody waiting.
_PATIENCE = 1.0
#: Seconds that counts are kept, for all tabs of this process: a day's bar grows slowly.
_KEPT = 300
#: Of the tallest bar, in pixels.
_HEIGHT = 24

Counts = Mapping[str, tuple[DayCount, ...]]


@st.cache_data(ttl=_KEPT, max_entries=200, show_spinner=False)
def read(_core: Mailcore, aliases: tuple[str, ...]) -> Counts:
    """Return each sender's days; none where counting takes too long."""
    try:
        return _core.deliveries.per_day_of(aliases, days=DAYS, timeout=_PATIENCE)
    except DatabaseUnavailable:  # the rows say so, or it is only slow
        return {}


def draw(sender: Sender, counts: Counts, at: datetime) -> None:
    """Draw the bars of one sender, if it did anything at all."""
    days = counts.get(sender.alias, ())
    if not days and not sender.queued:
        return
    by_day = {day.day.date(): day for day in days}
    first = (at - timedelta(days=DAYS - 1)).date()
    shown = [by_day.get(first + timedelta(days=number)) for number in range(DAYS)]
    totals = [day.sent + day.failed + day.unknown for day in shown if day]
    most = max([*totals, sender.queued, 1])
    columns = "".join(_day(day, most) for day in shown)
    waiting = _bar("waiting", sender.queued, most)
    # A picture of elements: Streamlit leaves SVG out of HTML.
    st.html(
        f'<div class="sparkline" role="img" aria-label="{_told(days, sender)}" '
        f'title="{_told(days, sender)}">{columns}<span></span><span>{waiting}</span></div>'
    )


def _told(days: tuple[DayCount, ...], sender: Sender) -> str:
    sent, failed, unknown = (
        sum(getattr(day, name) for day in days) for name in ("sent", "failed", "unknown")
    )
    parts = [f"{sent} sent", f"{failed} failed"]
    if unknown:
        parts.append(f"{unknown} unknown")
    waits = f"; {describe_messages(sender.queued)} waiting now" if sender.queued else ""
    return f"Last {DAYS} days: {', '.join(parts)}{waits}"


def _day(day: DayCount | None, most: int) -> str:
    kinds = ("unknown", "failed", "sent") if day else ()  # from the top
    bars = "".join(_bar(kind, getattr(day, kind), most) for kind in kinds)
    return f"<span>{bars}</span>"


def _bar(kind: str, count: int, most: int) -> str:
    if not count:
        return ""
    height = max(round(_HEIGHT * count / most), 2)
    return f'<i class="{kind}" style="height: {height}px"></i>'

"""When grants end over the next two weeks: a bar for each day."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from html import escape
from typing import Literal

import streamlit as st

from mailcore import GrantEndCount

AHEAD = timedelta(days=14)
#: A single grant's end is told by its row.
_FEWEST = 2

Urgency = Literal["soon", "later"]
#: As in the badges: expiring within two days.
_SOON = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Day:
    """How many grants end on a day, in the viewer's time zone."""

    day: date
    count: int
    urgency: Urgency


def days(ends: Iterable[GrantEndCount], at: datetime, zone: tzinfo) -> tuple[Day, ...]:
    """Return each of the coming days, or none if there is nothing to plot.

    Args:
        ends: how many grants end when.
        at: the current time, aware.
        zone: the viewer's.
    """
    counts: Counter[date] = Counter()
    for end in ends:
        counts[max(end.at, at).astimezone(zone).date()] += end.count
    if counts.total() < _FEWEST:
        return ()
    today = at.astimezone(zone).date()
    soon = (at + _SOON).astimezone(zone).date()
    coming = (today + timedelta(days=number) for number in range(AHEAD.days))
    return tuple(Day(day, counts[day], "soon" if day <= soon else "later") for day in coming)


def draw(coming: tuple[Day, ...]) -> None:
    """Draw the days, as a list to screen readers."""
    if not coming:
        return
    most = max(each.count for each in coming) or 1
    bars = "".join(_bar(each, most) for each in coming)
    st.html(
        '<figure class="ends"><figcaption>Grants that end in the next two weeks</figcaption>'
        f"<ol>{bars}</ol></figure>"
    )


def _bar(day: Day, most: int) -> str:
    ends = "no grant ends" if not day.count else "1 grant ends"
    if day.count > 1:
        ends = f"{day.count} grants end"
    told = escape(f"{day.day:%a %d %b}: {ends}")
    height = round(100 * day.count / most)
    return (
        f'<li class="{day.urgency}" title="{told}"><span class="told">{told}</span>'
        f'<span class="count" aria-hidden="true">{day.count or ""}</span>'
        f'<span class="bar" style="height: {height}%" aria-hidden="true"></span>'
        f'<span class="day" aria-hidden="true">{day.day:%a}<br>{day.day.day}</span></li>'
    )

"""A sender's queue on its page: what waits, until when, what is left of its budget; pausing."""

from datetime import datetime
from functools import partial

import streamlit as st

from admin_ui import access, dialogs, heading, live, queue_wording, timezone, wording
from admin_ui.access import Visitor
from admin_ui.markup import escaped, quiet, sentence
from admin_ui.navigation import DELIVERIES
from admin_ui.queue_limits import ChangeLimits
from mailcore import DeliveryStatus, QueueForecast, WaitsFor, now


@st.fragment
def draw(alias: str) -> None:
    """Draw the queue of a sender; it moves by itself."""
    visitor, zone = access.visitor(), timezone.zone()
    live.draw(
        "queue",
        partial(visitor.core.queue.forecast, alias),
        partial(_draw_queue, visitor, alias),
        as_shown=lambda queue: queue_wording.as_shown(queue, now(), zone),
    )


def _draw_queue(visitor: Visitor, alias: str, queue: QueueForecast) -> None:
    at = now()
    with st.container(border=True, key="queue"):
        heading.section("Queue")
        with st.container(gap="xxsmall"):
            st.markdown(_what(queue, at))
            if why := queue_wording.why_a_queue_waits(queue, at, timezone.zone()):
                st.markdown(escaped(why))
            if queue_wording.nobody_sends(queue, at):
                st.markdown(
                    ":orange[:material/warning:] "
                    + sentence("No worker is running. Start one with `pal-e-mail worker`.")
                )
            if left := queue_wording.budget_left(queue):
                st.markdown(quiet(escaped(left)))
        _draw_buttons(visitor, alias, queue)


def _what(queue: QueueForecast, at: datetime) -> str:
    if not queue.queued:
        return "Nothing is waiting."
    return f"**{escaped(queue_wording.what_waits(queue.queued, queue.queued_since, at))}**"


def _draw_buttons(visitor: Visitor, alias: str, queue: QueueForecast) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        if queue.paused_at is None:
            if st.button(
                "Pause",
                icon=":material/pause_circle:",
                help="Send nothing from its queue until someone resumes it. Programs that send "
                "without the queue are not affected.",
            ):
                visitor.core.queue.pause(alias, by=visitor.by)
                dialogs.close("Paused")
        elif st.button("Resume", icon=":material/play_circle:", type="primary"):
            visitor.core.queue.resume(alias, by=visitor.by)
            dialogs.close("Resumed")
        if st.button("Limits", icon=":material/speed:"):
            dialogs.show(ChangeLimits(alias, queue.limits))
        if queue.queued:
            st.page_link(
                DELIVERIES.script,
                label="Show waiting messages",
                icon=":material/arrow_forward:",
                icon_position="right",
                query_params={"sender": alias, "outcome": _outcome(queue)},
            )


def _outcome(queue: QueueForecast) -> str:
    """Return the filter of the deliveries page that shows what waits."""
    held = queue.waits_for not in {WaitsFor.TURN, WaitsFor.TIME}
    status = DeliveryStatus.HELD if held else DeliveryStatus.QUEUED
    return wording.delivery_badge(status).word

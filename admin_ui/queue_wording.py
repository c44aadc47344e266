"""The queue in words. Pure functions."""

from datetime import datetime, timedelta, tzinfo

from mailcore import (
    Delivery,
    QueueForecast,
    Sender,
    WaitsFor,
    describe_age,
    describe_duration,
    describe_messages,
)

_WHY = {
    WaitsFor.TURN: "It will go out any moment now",
    WaitsFor.TIME: "It will be tried again automatically, because the last attempt failed or "
    "Google asked its sender to slow down",
    WaitsFor.BUDGET: "Its sender has used up its budget for 24 hours",
    WaitsFor.REAUTH: "Its sender needs a re-auth",
    WaitsFor.ACCOUNT: "Google refuses its sender's account",
    WaitsFor.RESUME: "Its sender is paused",
    WaitsFor.RELEASE: "It is held",
    WaitsFor.SENDER: "Its sender was deleted",
}

_WHY_ALL = {
    WaitsFor.TIME: "The last attempt failed, or Google asked to slow down. Sending resumes "
    "automatically.",
    WaitsFor.BUDGET: "Its budget for 24 hours is used up. Sending resumes as earlier messages "
    "become more than 24 hours old.",
    WaitsFor.REAUTH: "Waiting mail goes out automatically, in order, once this sender is "
    "re-authorised.",
    WaitsFor.ACCOUNT: "Waiting mail goes out automatically once Google accepts the account again.",
    WaitsFor.RELEASE: "Waiting mail is held until someone releases it.",
}
#: Since when something is due before it is strange that nobody sends it.
_STRANGE = timedelta(seconds=30)


def why_it_waits(delivery: Delivery, now: datetime) -> str:
    """Return why a queued message has not gone out yet."""
    if delivery.waits_for is None:
        return ""
    if delivery.held_by:
        return f"Held by {delivery.held_by}"
    later = delivery.send_at is not None and delivery.send_at > now
    if delivery.waits_for is WaitsFor.TIME and delivery.send_at and later:
        return f"It is queued for later and goes out in {describe_duration(delivery.send_at - now)}"
    return _WHY[delivery.waits_for]


def what_waits(count: int, since: datetime | None, now: datetime) -> str:
    """Say how much waits in a queue, and for how long: ``"12 messages waiting for 3 h"``."""
    if since is not None and since > now:
        messages = describe_messages(count)
        return f"{messages} queued for later, the first in {describe_duration(since - now)}"
    waiting = f"{describe_messages(count)} waiting"
    if since is None or now - since < timedelta(minutes=1):
        return waiting
    return f"{waiting} for {describe_duration(now - since)}"


def of_sender(sender: Sender, now: datetime) -> str:
    """Return how much waits for a sender, and that it is paused, in Markdown; or nothing."""
    parts = ["paused"] if sender.paused_at is not None else []
    if sender.queued:
        parts.append(what_waits(sender.queued, sender.queued_since, now))
    if not parts:
        return ""
    stuck = sender.held or sender.paused_at is not None
    look = "orange[:material/pause_circle:" if stuck else "blue[:material/schedule_send:"
    return f":small[:{look} {' · '.join(parts)}]]"


def why_a_queue_waits(queue: QueueForecast, now: datetime, zone: tzinfo) -> str:
    """Return what a sender's queue waits for, or when it will be empty."""
    if queue.paused_at is not None:
        by, age = queue.paused_by, describe_age(queue.paused_at, now)
        return f"Paused by {by} {age}. The queue sends nothing until someone resumes it."
    if queue.through_at is not None and queue.waits_for is WaitsFor.TURN:
        away = describe_duration(queue.through_at - now)
        return f"At the current pace, the queue will be empty in {away}, at {_clock(queue, zone)}."
    if queue.waits_for is WaitsFor.TIME and not queue.due:
        return "Queued for later."
    return _WHY_ALL.get(queue.waits_for, "") if queue.waits_for else ""


def nobody_sends(queue: QueueForecast, now: datetime) -> bool:
    """Say whether something should have gone out, and no worker is there to send it."""
    due = queue.queued_since is not None and now - queue.queued_since > _STRANGE
    return due and queue.waits_for is WaitsFor.TURN and not queue.worked_on


def budget_left(queue: QueueForecast) -> str:
    """Return what a sender may still send today; empty where nothing limits it."""
    left = []
    if queue.messages_left is not None:
        left.append(describe_messages(queue.messages_left))
    if queue.recipients_left is not None:
        left.append(f"{queue.recipients_left} recipients")
    return f"Left of its 24-hour budget: {', '.join(left)}" if left else ""


def as_shown(queue: QueueForecast, now: datetime, zone: tzinfo) -> object:
    """Return all that a sender's page shows of its queue: if it is equal, so is the page."""
    return (
        what_waits(queue.queued, queue.queued_since, now),
        queue.paused_at,
        queue.waits_for,
        why_a_queue_waits(queue, now, zone),
        nobody_sends(queue, now),
        budget_left(queue),
        queue.limits,
    )


def _clock(queue: QueueForecast, zone: tzinfo) -> str:
    return queue.through_at.astimezone(zone).strftime("%H:%M") if queue.through_at else ""

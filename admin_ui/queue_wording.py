"""The queue in words. Pure functions."""

from datetime import datetime

from mailcore import Delivery, Sender, WaitsFor, describe_duration, describe_messages

_WHY = {
    WaitsFor.TURN: "It goes out any moment",
    WaitsFor.TIME: "Its sender was asked to slow down, or the last attempt failed: it is tried "
    "again by itself",
    WaitsFor.BUDGET: "Its sender has used up what it may send in 24 hours",
    WaitsFor.REAUTH: "It waits for its sender's re-auth",
    WaitsFor.ACCOUNT: "Google refuses its sender's account",
    WaitsFor.RESUME: "Its sender is paused",
    WaitsFor.RELEASE: "It is held back",
    WaitsFor.SENDER: "Its sender was deleted",
}


def why_it_waits(delivery: Delivery, now: datetime) -> str:
    """Return why a queued message has not gone out yet."""
    if delivery.waits_for is None:
        return ""
    if delivery.held_by:
        return f"It is held back by {delivery.held_by}"
    later = delivery.send_at is not None and delivery.send_at > now
    if delivery.waits_for is WaitsFor.TIME and delivery.send_at and later:
        return f"It is queued for later: it goes out in {describe_duration(delivery.send_at - now)}"
    return _WHY[delivery.waits_for]


def what_waits(count: int, since: datetime | None, now: datetime) -> str:
    """Say how much waits in a queue: ``"12 messages waiting, since 3 h"``."""
    waiting = f"{describe_messages(count)} waiting"
    if since is None:
        return waiting
    if since > now:
        return f"{waiting}, the first for in {describe_duration(since - now)}"
    return f"{waiting}, since {describe_duration(now - since)}"


def of_sender(sender: Sender, now: datetime) -> str:
    """Say how much waits in a sender's queue, and that it is paused; empty if neither is so."""
    parts = []
    if sender.paused_at is not None:
        parts.append("paused")
    if sender.queued:
        parts.append(what_waits(sender.queued, sender.queued_since, now))
    return ": ".join(parts)

"""Which deliveries a change of many at once concerns: those meant that can be changed so."""

from collections.abc import Collection, Mapping
from typing import Any, Literal

from sqlalchemy import func, or_
from sqlmodel import col

from mailcore.sending.delivery_filter import conditions
from mailcore.sending.delivery_rows import RETRYABLE, parsed_id
from mailcore.store.models import DeliveryRow
from mailcore.values.deliveries import DeliveryStatus

#: What can be done to many deliveries at once, by the method's name of `Mailcore.queue`.
QueueChange = Literal["hold", "release", "discard", "send_again"]


def selected(
    change: QueueChange,
    ids: Collection[str] | None,
    filters: Mapping[str, Any],
    limits: Mapping[str, object],
) -> list[Any]:
    """Return the conditions of the deliveries that a change concerns.

    Args:
        change: what is to be done.
        ids: only these; None for all that the filters leave.
        filters: those of `DeliveryLog.page`.
        limits: the deployment's, as returned by `senders.holding.limits`.

    Raises:
        DeliveryNotFound: one of the ids cannot be one.
    """
    chosen: list[Any] = [*_changeable(change), *conditions(limits, **filters)]
    if ids is not None:
        chosen.append(col(DeliveryRow.id).in_(list(map(parsed_id, ids))))
    elif change == "send_again" and filters.get("status") is not DeliveryStatus.UNKNOWN:
        chosen.append(col(DeliveryRow.status) != DeliveryStatus.UNKNOWN)
    return chosen


def _changeable(change: QueueChange) -> list[Any]:
    queued = col(DeliveryRow.status) == DeliveryStatus.QUEUED
    match change:
        case "hold":
            return [queued, col(DeliveryRow.held_by).is_(None)]
        case "release":
            later = col(DeliveryRow.send_at) > func.now()
            return [queued, or_(col(DeliveryRow.held_by).is_not(None), later)]
        case "discard":
            return [queued]
        case "send_again":
            return [col(DeliveryRow.status).in_(RETRYABLE), col(DeliveryRow.body).is_not(None)]

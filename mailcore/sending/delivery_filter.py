"""Which deliveries are meant: for a list of them, and for what is done to many at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, text
from sqlalchemy.sql.elements import TextClause
from sqlmodel import col

from mailcore.senders.holding import IS_HELD
from mailcore.store.database import literal, storable
from mailcore.store.models import DeliveryRow
from mailcore.values.deliveries import DeliveryStatus

Condition = ColumnElement[bool] | TextClause


def conditions(
    bounds: Mapping[str, object],
    *,
    alias: str | None = None,
    status: DeliveryStatus | None = None,
    since: datetime | None = None,
    search: str = "",
    senders: Sequence[str] = ("*",),
) -> list[Condition]:
    """Return what a delivery must fulfil.

    Args:
        bounds: the deployment's, as returned by `senders.holding.limits`, which decide what is
            *held*.
        alias: its sender's.
        status: as it is shown: *held* ones are not among the *queued*.
        since: it was asked for since this moment, aware.
        search: part of its subject, a recipient or its idempotency key; any case.
        senders: patterns of aliases, one of which its sender's matches; ``*`` stands for any
            characters.
    """
    found: list[Condition] = []
    if "*" not in senders:
        patterns = (literal(pattern).replace("*", "%") for pattern in senders)
        matching = (col(DeliveryRow.alias).like(pattern, escape="\\") for pattern in patterns)
        found.append(or_(*matching))
    if alias is not None:
        found.append(col(DeliveryRow.alias) == storable(alias))
    if status is DeliveryStatus.HELD:
        found.append(text(IS_HELD).bindparams(**bounds))
    elif status is not None:
        found.append(col(DeliveryRow.status) == status)
        if status is DeliveryStatus.QUEUED:
            found.append(text(f"NOT {IS_HELD}").bindparams(**bounds))
    if since is not None:
        found.append(col(DeliveryRow.created_at) >= since)
    search = storable(search).strip()
    if search:
        recipients = func.array_to_string(col(DeliveryRow.recipients), " ")
        found.append(
            or_(
                col(DeliveryRow.subject).icontains(search, autoescape=True),
                col(DeliveryRow.idempotency_key).icontains(search, autoescape=True),
                recipients.icontains(search, autoescape=True),
            )
        )
    return found

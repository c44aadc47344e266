"""Rows of the delivery table as people see them, and settling those whose outcome is open."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Text, func, text, update
from sqlmodel import Session, col, select

from mailcore.clock import now
from mailcore.errors import DeliveryNotFound, DeliveryNotSettleable
from mailcore.senders.holding import WAITS_FOR
from mailcore.sending.delivery_filter import Condition
from mailcore.sending.delivery_table import mark_cut_off
from mailcore.store.database import changed_rows
from mailcore.store.models import DeliveryRow
from mailcore.store.sessions import driver
from mailcore.values.deliveries import (
    HELD_FOR,
    Delivery,
    DeliveryPage,
    DeliveryPosition,
    DeliveryStatus,
    WaitsFor,
)

#: What a person can put an end to.
DISCARDABLE = (DeliveryStatus.UNKNOWN, DeliveryStatus.QUEUED)
#: What can be sent again, as long as the message is kept.
RETRYABLE = (DeliveryStatus.UNKNOWN, DeliveryStatus.FAILED, DeliveryStatus.LAPSED)

_DERIVED = {
    "can_retry": col(DeliveryRow.body).is_not(None) & col(DeliveryRow.status).in_(RETRYABLE),
    "can_discard": col(DeliveryRow.status).in_(DISCARDABLE),
    "waits_for": text(WAITS_FOR).columns(waits_for=Text()).scalar_subquery(),
}
#: To be read with the deployment's limits, as returned by `senders.holding.limits`.
COLUMNS = (
    *(getattr(DeliveryRow, name) for name in Delivery.__dataclass_fields__ if name not in _DERIVED),
    *(column.label(name) for name, column in _DERIVED.items()),
)


def shown(row: Any) -> Delivery:
    """Return what a row of `COLUMNS` shows."""
    waits_for = row["waits_for"] and WaitsFor(row["waits_for"])
    derived = {
        "id": str(row["id"]),
        "recipients": tuple(row["recipients"]),
        "waits_for": waits_for,
        "status": DeliveryStatus.HELD if waits_for in HELD_FOR else row["status"],
    }
    return Delivery(**{**row, **derived})


#: What may stand for an id: at least so much of it that two rarely begin the same.
_START = re.compile("[0-9a-f]{4,32}")


def read_page(
    session: Session,
    conditions: Sequence[Condition],
    limits: Mapping[str, object],
    *,
    offset: int,
    limit: int,
) -> DeliveryPage:
    """Read a page, newest first, of the rows that meet conditions.

    All that match are counted only where the page does not tell: both may scan the table.
    """
    mark_cut_off(driver(session))
    rows = session.execute(
        select(*COLUMNS)
        .where(*conditions)
        .order_by(col(DeliveryRow.created_at).desc(), col(DeliveryRow.id))
        .offset(offset)
        .limit(limit)
        .params(**limits)
    ).mappings()
    deliveries = tuple(map(shown, rows))
    if len(deliveries) < limit and (deliveries or not offset):
        matching = offset + len(deliveries)
    else:
        counting = select(func.count()).select_from(DeliveryRow).where(*conditions)
        matching = session.execute(counting).scalar_one()
    return DeliveryPage(deliveries=deliveries, matching=matching)


def read_after(
    session: Session,
    conditions: Sequence[Condition],
    limits: Mapping[str, object],
    *,
    after: DeliveryPosition | None,
    limit: int,
) -> tuple[Delivery, ...]:
    """Read the rows that follow a position, newest first. However far on, it costs the same."""
    created_at, key = col(DeliveryRow.created_at), col(DeliveryRow.id)
    rows = select(*COLUMNS).where(*conditions).order_by(created_at.desc(), key).limit(limit)
    if after is not None:
        later = (created_at == after.created_at) & (key > parsed_id(after.id))
        rows = rows.where(created_at <= after.created_at, (created_at < after.created_at) | later)
    return tuple(map(shown, session.execute(rows.params(**limits)).mappings()))


def parsed_id(delivery_id: str) -> UUID:
    """Return an id as Postgres takes it.

    Raises:
        DeliveryNotFound: no delivery can have it.
    """
    try:
        return UUID(delivery_id)
    except ValueError as exc:
        raise not_found(delivery_id) from exc


def whole_id(session: Session, start: str) -> UUID:
    """Return the id that begins with what is given, by the index of ids.

    Raises:
        DeliveryNotFound: no delivery's does, or several.
    """
    digits = start.replace("-", "").lower()
    if not _START.fullmatch(digits):
        raise not_found(start)
    first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    found = session.exec(
        select(DeliveryRow.id).where(col(DeliveryRow.id).between(first, last)).limit(2)
    ).all()
    if not found:
        raise not_found(start)
    if len(found) > 1:
        raise DeliveryNotFound(
            f"The IDs of several deliveries begin with {start!r}.", remedy="Give more of it."
        )
    return found[0]


def not_found(delivery_id: str) -> DeliveryNotFound:
    """Return the error of an id that no delivery has."""
    return DeliveryNotFound(
        f"There is no delivery {delivery_id!r}.",
        remedy="`pal-e-mail deliveries list` shows all of them.",
    )


def not_settleable(row: DeliveryRow, what: str) -> DeliveryNotSettleable:
    """Return the error of a delivery whose outcome is not open."""
    return DeliveryNotSettleable(
        f"Delivery {row.id} of sender {row.alias!r} is {row.status.value}, so it cannot be {what}.",
        alias=row.alias,
    )


def not_kept(row: DeliveryRow) -> DeliveryNotSettleable:
    """A process that was killed early leaves its row, but not the message."""
    return DeliveryNotSettleable(
        f"Delivery {row.id} of sender {row.alias!r} cannot be sent again: the message itself was "
        "not kept.",
        remedy="Check the account's Sent folder. If it is not there, have the job send it "
        f"again; then run `pal-e-mail deliveries discard {row.id}`.",
        alias=row.alias,
    )


def locked(session: Session, key: UUID, delivery_id: str) -> DeliveryRow:
    """Return a delivery, locked until the transaction ends.

    Raises:
        DeliveryNotFound: none has that id.
    """
    mark_cut_off(driver(session))
    row = session.exec(select(DeliveryRow).where(DeliveryRow.id == key).with_for_update()).first()
    if row is None:
        raise not_found(delivery_id)
    return row


def settle(
    session: Session, row: DeliveryRow, what: str, status: DeliveryStatus, **values: object
) -> None:
    """Compare-and-set: of two people who settle the same one, the second is told."""
    settled = changed_rows(
        session,
        update(DeliveryRow)
        .where(
            col(DeliveryRow.id) == row.id,
            col(DeliveryRow.status) == row.status,
            # Of an attempt since, whoever decides has not seen the outcome.
            col(DeliveryRow.leased_until).is_not_distinct_from(row.leased_until),
        )
        .values(status=status, updated_at=now(), **values),
    )
    if settled != 1:
        raise DeliveryNotSettleable(
            f"Delivery {row.id} of sender {row.alias!r} cannot be {what}: someone else has just "
            "settled it.",
            alias=row.alias,
        )

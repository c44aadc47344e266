"""What a second call with the same idempotency key returns."""

import logging
import time
from datetime import UTC
from typing import Any

from mailcore.errors import DatabaseUnavailable, DeliveryDiscarded, OutcomeUnknown
from mailcore.sending.delivery_table import mark_cut_off
from mailcore.sending.intent import by_key
from mailcore.sending.outgoing import SendRequest
from mailcore.store.database import Database, patiently
from mailcore.values.deliveries import DeliveryStatus, Queued, Sent

log = logging.getLogger("mailcore")

#: Seconds between looks at a delivery that another call is sending right now.
_POLL = 0.05
#: A key in these states is free to be tried again.
_FREE = frozenset({DeliveryStatus.FAILED, DeliveryStatus.LAPSED})
_ASK_AGAIN = "Call again with the same key: nothing is sent twice."


def earlier_outcome(
    database: Database, asked: SendRequest, *, or_queue: bool, admin_url: str
) -> Sent | Queued | None:
    """Return the first result of a key, waiting while it is being sent.

    Args:
        database: where deliveries are recorded.
        asked: what this call is to send; its deadline ends the waiting.
        or_queue: that it is queued is a result, too.
        admin_url: the page to settle it on.

    Returns:
        The first call's result, or None where nothing went out and the key is free.

    Raises:
        OutcomeUnknown: the first call's outcome is open, not there in time, or cannot be read.
        DeliveryDiscarded: a person decided against it.
    """
    key = asked.idempotency_key or ""
    while True:
        row = _read(database, asked, key)
        if row is None or row.status in _FREE:
            return None
        if row.status == DeliveryStatus.SENT:
            _warn_of_another_message(row, asked, key)
            return _sent(row, asked.alias)
        _raise_if_settled(row, asked.alias, key, admin_url)
        if or_queue and row.status == DeliveryStatus.QUEUED:
            return _queued(row, asked.alias)
        if asked.deadline.seconds_left <= _POLL:
            raise OutcomeUnknown(
                f"The message with key {key!r} of sender {asked.alias!r} is in the queue."
                if row.status == DeliveryStatus.QUEUED
                else f"Another call is still sending key {key!r} of sender {asked.alias!r}.",
                remedy=_ASK_AGAIN,
                alias=asked.alias,
                delivery_id=str(row.id),
            )
        time.sleep(_POLL)


def _read(database: Database, asked: SendRequest, key: str) -> Any:
    """Read what is recorded under a key, patiently: another call may be sending it."""

    def read() -> Any:
        with database.connection(asked.deadline) as connection:
            row = by_key(connection, asked.alias, key)
            if row is None or not row.cut_off:
                return row
            mark_cut_off(connection)
            return by_key(connection, asked.alias, key)

    try:
        return patiently(DatabaseUnavailable, asked.deadline)(read)
    except DatabaseUnavailable as exc:
        raise OutcomeUnknown(
            f"An earlier call with key {key!r} of sender {asked.alias!r} has sent its message or "
            "may be sending it, and the database cannot be reached to find out which.",
            remedy=_ASK_AGAIN,
            alias=asked.alias,
        ) from exc


def _warn_of_another_message(row: Any, asked: SendRequest, key: str) -> None:
    """Say that a key was too coarse: the job believes that its new message went out."""
    before = (tuple(row.recipients), row.subject)
    if before != (asked.message.recipients, asked.message.subject):
        log.warning(
            "key %r of sender %s has sent another message before (delivery %s), so this one "
            "is not sent; use a new key for each message",
            key,
            asked.alias,
            row.id,
            extra={"sender": asked.alias, "delivery_id": str(row.id)},
        )


def _sent(row: Any, alias: str) -> Sent:
    return Sent(
        delivery_id=str(row.id),
        gmail_id=row.gmail_id,
        thread_id=row.thread_id,
        message_id=row.message_id,
        alias=alias,
    )


def _queued(row: Any, alias: str) -> Queued:
    return Queued(
        delivery_id=str(row.id),
        message_id=row.message_id,
        alias=alias,
        status=DeliveryStatus.QUEUED,
        send_at=row.send_at.astimezone(UTC),
    )


def _raise_if_settled(row: Any, alias: str, key: str, admin_url: str) -> None:
    delivery_id = str(row.id)
    if row.status == DeliveryStatus.UNKNOWN:
        raise OutcomeUnknown(
            f"An earlier call with key {key!r} of sender {alias!r} may or may not have sent its "
            "message, so it is not sent again.",
            remedy=f"Settle it on {admin_url} or with `pal-e-mail deliveries "
            f"arrived|retry|discard {delivery_id}`.",
            alias=alias,
            delivery_id=delivery_id,
        )
    if row.status == DeliveryStatus.DISCARDED:
        raise DeliveryDiscarded(
            f"The message with key {key!r} of sender {alias!r} was discarded by a person.",
            remedy="Use another key to send it after all.",
            alias=alias,
            delivery_id=delivery_id,
        )

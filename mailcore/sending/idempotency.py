"""What an idempotency key answers the second time."""

import logging
import time

from sqlalchemy import RowMapping

from mailcore.clock import now
from mailcore.errors import DeliveryDiscarded, OutcomeUnknown
from mailcore.sending import delivery_table
from mailcore.sending.delivery_table import Attempted
from mailcore.store.database import Database
from mailcore.values.deliveries import DeliveryStatus, Sent

log = logging.getLogger("mailcore")

#: Seconds between looks at a delivery that another call is sending right now.
_POLL = 0.05
#: A key in these states is free to be tried again.
_FREE = frozenset({DeliveryStatus.FAILED, DeliveryStatus.LAPSED})


def earlier_outcome(
    database: Database, asked: Attempted, key: str, *, seconds: float, admin_url: str
) -> Sent | None:
    """Return the first result of a key, waiting while another call is at it.

    Args:
        database: where deliveries are recorded.
        asked: what this call is to send.
        key: its idempotency key.
        seconds: how long to wait.
        admin_url: the page to settle it on.

    Returns:
        The first call's result, or None where nothing went out and the key is free.

    Raises:
        OutcomeUnknown: the first call's outcome is open, or not there in time.
        DeliveryDiscarded: a person decided against it.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    alias = asked.alias
    deadline = time.monotonic() + seconds
    while True:
        with database.statement() as connection:
            row = delivery_table.by_key(connection, alias, key)
            if row is not None and _cut_off(row):
                delivery_table.mark_cut_off(connection)
                continue
        if row is None or row["status"] in _FREE:
            return None
        if row["status"] == DeliveryStatus.SENT:
            _warn_of_another_message(row, asked, key)
            return _sent(row, alias)
        _raise_if_settled(row, alias, key, admin_url)
        if time.monotonic() >= deadline:
            raise OutcomeUnknown(
                f"Another call is still sending key {key!r} of sender {alias!r}. Ask again with "
                "the same key: it sends nothing twice.",
                alias=alias,
                delivery_id=str(row["id"]),
            )
        time.sleep(_POLL)


def _cut_off(row: RowMapping) -> bool:
    return bool(row["status"] == DeliveryStatus.SENDING and row["leased_until"] <= now())


def _warn_of_another_message(row: RowMapping, asked: Attempted, key: str) -> None:
    """Say that a key was too coarse: the job believes that its new message went out."""
    before = (tuple(row["recipients"]), row["subject"])
    if before != (asked.message.recipients, asked.message.subject):
        log.warning(
            "key %r of sender %s has sent another message before (delivery %s), so this one "
            "is not sent; a key is for one message",
            key,
            asked.alias,
            row["id"],
            extra={"sender": asked.alias, "delivery_id": str(row["id"])},
        )


def _sent(row: RowMapping, alias: str) -> Sent:
    return Sent(
        delivery_id=str(row["id"]),
        gmail_id=row["gmail_id"],
        thread_id=row["thread_id"],
        message_id=row["message_id"],
        alias=alias,
    )


def _raise_if_settled(row: RowMapping, alias: str, key: str, admin_url: str) -> None:
    delivery_id = str(row["id"])
    if row["status"] == DeliveryStatus.UNKNOWN:
        raise OutcomeUnknown(
            f"An earlier call with key {key!r} of sender {alias!r} may or may not have sent its "
            f"message, so it is not repeated. Settle it on {admin_url} or with `pal-e-mail "
            f"deliveries retry|discard {delivery_id}`.",
            alias=alias,
            delivery_id=delivery_id,
        )
    if row["status"] == DeliveryStatus.DISCARDED:
        raise DeliveryDiscarded(
            f"The message with key {key!r} of sender {alias!r} was discarded by a person. Use "
            "another key to send it anew.",
            alias=alias,
            delivery_id=delivery_id,
        )

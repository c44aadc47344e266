"""The table of drafts: each is recorded before it is made, so that none is forgotten.

A row whose ``leased_until`` is its delivery's speaks for it: it was made by the latest attempt. Any
other is left over from an earlier one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from mailcore.store.connection import Connection

_BEGIN = """
    INSERT INTO draft (delivery_id, alias, message_id, leased_until, created_at, next_look_at)
    VALUES (%(delivery_id)s, %(alias)s, %(message_id)s, %(leased_until)s, now(), now())
    RETURNING id
"""
#: Only while the message is still this attempt's: one that was frozen may come back when a worker
#: has long had the message sent.
_NAME = """
    UPDATE draft SET draft_id = %(draft_id)s, unnamed = %(unnamed)s
    WHERE id = %(row_id)s
      AND EXISTS (SELECT FROM delivery
                  WHERE delivery.id = draft.delivery_id AND delivery.status = 'sending'
                    AND delivery.leased_until = %(leased_until)s)
"""
#: A worker looks for one that nobody can name, once Gmail's search knows it.
_FORGET = "DELETE FROM draft WHERE id = %(row_id)s AND NOT unnamed"

#: Of an attempt that may have sent it.
_TAKE_OVER = """
    UPDATE draft SET leased_until = %(until)s
    WHERE delivery_id = %(delivery_id)s AND leased_until = %(leased_until)s
      AND alias = %(alias)s AND draft_id IS NOT NULL
    RETURNING id, draft_id, unnamed
"""


@dataclass(slots=True, kw_only=True)
class Draft:
    """The draft as which a message is sent.

    Attributes:
        row_id: its row in the table.
        draft_id: Gmail's id of it; None until it is made.
        recorded: whether that is in the table. It is not sent before.
        unnamed: whether there may be another one, whose id was lost.
        offered: whether Gmail was told to send it, and may have done so. If it is gone then, it
            was sent.
    """

    row_id: int
    draft_id: str | None = None
    recorded: bool = False
    unnamed: bool = False
    offered: bool = False


def begin(
    connection: Connection,
    *,
    delivery_id: UUID,
    alias: str,
    message_id: str,
    leased_until: datetime | None,
) -> Draft:
    """Record that a draft is about to be made.

    Args:
        connection: one on which each statement is its own transaction.
        delivery_id: of the message.
        alias: the sender in whose mailbox it will be.
        message_id: the message's.
        leased_until: of the attempt.
    """
    values: dict[str, Any] = {
        "delivery_id": delivery_id,
        "alias": alias,
        "message_id": message_id,
        "leased_until": leased_until,
    }
    row = connection.run(_BEGIN, values).fetchone()
    assert row is not None  # noqa: S101 - an INSERT returns it
    return Draft(row_id=row.id)


def record_id(connection: Connection, draft: Draft, *, leased_until: datetime | None) -> bool:
    """Record a draft's id.

    Args:
        connection: one on which each statement is its own transaction.
        draft: with its id.
        leased_until: of the attempt.

    Returns:
        False where the attempt has taken so long that it was given up: it must not be sent.
    """
    values = {
        "row_id": draft.row_id,
        "draft_id": draft.draft_id,
        "unnamed": draft.unnamed,
        "leased_until": leased_until,
    }
    draft.recorded = connection.run(_NAME, values).rowcount == 1
    return draft.recorded


def take_over(
    connection: Connection,
    *,
    delivery_id: UUID,
    alias: str,
    leased_until: datetime | None,
    until: datetime | None,
) -> Draft | None:
    """Go on with the draft of an attempt of unknown outcome, in its delivery's transaction.

    Args:
        connection: in that transaction.
        delivery_id: of the message.
        alias: the sender in whose mailbox it is to be.
        leased_until: of that attempt.
        until: of the new one.

    Returns:
        The draft, or None where that attempt had none.
    """
    values: dict[str, Any] = {
        "delivery_id": delivery_id,
        "alias": alias,
        "leased_until": leased_until,
        "until": until,
    }
    row = connection.run(_TAKE_OVER, values).fetchone()
    if row is None:
        return None
    return Draft(
        row_id=row.id, draft_id=row.draft_id, recorded=True, unnamed=row.unnamed, offered=True
    )


def forget(connection: Connection, draft: Draft) -> None:
    """Delete the row of a draft that was sent."""
    connection.run(_FORGET, {"row_id": draft.row_id})

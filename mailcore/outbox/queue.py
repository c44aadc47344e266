"""Queueing a message: one statement, in the caller's transaction if there is one.

It makes no other caller wait: it locks no row of the sender, and two open transactions that queue
for the same sender write two rows that have nothing in common. Only the same idempotency key
waits for the transaction that used it first: what that comes to is the answer.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, timedelta
from functools import partial
from itertools import count
from typing import Any, Unpack
from uuid import uuid4

from mailcore.clock import Deadline, now
from mailcore.errors import DatabaseUnavailable
from mailcore.grants.tokens import Tokens
from mailcore.message.arguments import QueueArguments, QueueOptions
from mailcore.message.compose import ComposedMessage, compose
from mailcore.message.whole_message import WholeMessage
from mailcore.outbox.arguments import OPTIONS, queueing_options
from mailcore.outbox.callers_connection import arun, run
from mailcore.senders.own_addresses import READ_OWN_ADDRESSES
from mailcore.senders.picture import no_sender
from mailcore.senders.validation import ALIAS_PATTERN
from mailcore.sending.error_context import errors_name
from mailcore.sending.from_address import check_from, has_from
from mailcore.store.database import DATABASE_PATIENCE, Database, patiently
from mailcore.store.encryption import Vault
from mailcore.store.sealed_columns import MESSAGE
from mailcore.store.wake_up import CHANNEL
from mailcore.threads import Workers
from mailcore.values.deliveries import DeliveryStatus, Queued

#: What a message writes, by the column. Times are Postgres' own, and move on within a
#: transaction: its messages keep their order.
_WRITTEN = {
    "recipients": "%(recipients)s::text[]",
    "subject": "%(subject)s::text",
    "message_id": "%(message_id)s::text",
    "status": "'queued'",
    "thread_id": "%(thread_id)s::text",
    "body": "%(body)s::bytea",
    "from_name": "%(from_name)s::text",
    "send_at": "coalesce(%(send_at)s::timestamptz, clock_timestamp())",
    "expires_at": "%(expires_at)s::timestamptz",
    "if_unknown": "%(if_unknown)s::text",
    "allow_fallback": "%(allow_fallback)s::boolean",
    "created_at": "clock_timestamp()",
    "updated_at": "clock_timestamp()",
}
#: What an earlier message has left in the row of its key.
_LEFT = (
    "sent_through",
    "leased_until",
    "claimed_by",
    "tried_since",
    "held_by",
    "error_code",
    "error_text",
)

#: A key whose earlier message did not go out is free to be used again, in the same row. Any other
#: row of a key is left alone: a lock on it would stop its queue until the caller's transaction
#: ends.
_AGAIN = f"""
    again AS (
        UPDATE delivery
        SET {", ".join(f"{column} = {value}" for column, value in _WRITTEN.items())},
            {", ".join(f"{column} = NULL" for column in _LEFT)}
        FROM known
        WHERE delivery.alias = known.alias AND idempotency_key = %(idempotency_key)s::text
          AND delivery.status IN ('failed', 'lapsed')
        RETURNING delivery.id, message_id, delivery.status, send_at
    ),"""  # noqa: S608 - of constants


def _statement(*, again: str, queued: str, unless: str) -> str:
    """Return one INSERT and one NOTIFY."""
    return f"""
        WITH known AS (
            SELECT alias, generation FROM sender WHERE alias = %(alias)s
        ), {again} new AS (
            INSERT INTO delivery (id, alias, attempts, idempotency_key, {", ".join(_WRITTEN)})
            SELECT %(id)s::uuid, alias, 0, %(idempotency_key)s::text,
                   {", ".join(_WRITTEN.values())}
            FROM known WHERE {unless}
            ON CONFLICT DO NOTHING
            RETURNING id, message_id, status, send_at
        ), queued AS ({queued}), told AS (
            SELECT pg_notify('{CHANNEL}', %(alias)s) FROM queued
        )
        SELECT known.generation, queued.id, queued.message_id, queued.status, queued.send_at,
               (SELECT count(*) FROM told)
        FROM known LEFT JOIN queued ON true
    """  # noqa: S608 - of constants


_WITH_KEY = _statement(
    again=_AGAIN,
    queued="TABLE again UNION ALL TABLE new",
    unless="NOT EXISTS (SELECT FROM again)",
)
_WITHOUT_KEY = _statement(again="", queued="TABLE new", unless="true")

#: Of the same key; or of this very message, whose first answer was lost with the connection.
_EARLIER = """
    SELECT 1, id, message_id, status, send_at FROM delivery
    WHERE id = %(id)s::uuid OR (alias = %(alias)s AND idempotency_key = %(idempotency_key)s::text)
"""

#: For how long a message with the same Message-ID is the same.
_SAME_MESSAGE = timedelta(days=1)

_Row = tuple[Any, ...]


class Queue:
    """Takes messages in.

    Args:
        database: where they wait.
        vault: seals them.
        tokens: takes over a grant from a token file, for a sender that has none.
        workers: where calls for asyncio run that bring no transaction.
    """

    def __init__(self, database: Database, vault: Vault, tokens: Tokens, workers: Workers) -> None:
        self._database = database
        self._vault = vault
        self._tokens = tokens
        self._workers = workers

    def queue_email(
        self, alias: str, *, connection: Any = None, **arguments: Unpack[QueueArguments]
    ) -> Queued:
        """See `mailcore.Mailcore.queue_email`."""
        with errors_name(alias):
            message, values = self._composed(alias, **arguments)
            if has_from(message):
                _check_from(message, alias, self._run(connection, values, READ_OWN_ADDRESSES))
            return self._take_in(alias, connection, values)

    def queue_whole(
        self,
        alias: str,
        whole: WholeMessage,
        *,
        connection: Any = None,
        **options: Unpack[QueueOptions],
    ) -> Queued:
        """See `mailcore.Mailcore.queue_message`."""
        with errors_name(alias):
            checked = queueing_options(**options)
            values = self._row(alias, whole.message, from_name=whole.from_name, **checked)
            return self._take_in(alias, connection, values)

    def queue_once(
        self,
        alias: str,
        whole: WholeMessage,
        *,
        connection: Any = None,
        **options: Unpack[QueueOptions],
    ) -> Queued:
        """Queue a message, unless it was queued within a day: a client may ask again.

        Its key is of its Message-ID and its recipients. Of one that was used before, more than a
        day ago, the next one is taken.
        """
        if whole.given_id is None:
            return self.queue_whole(alias, whole, connection=connection, **options)
        same = "\n".join([whole.given_id, *sorted(whole.message.recipients)])
        key = f"smtp:{hashlib.sha256(same.encode()).hexdigest()[:40]}"
        for number in count():
            options["idempotency_key"] = f"{key}:{number}" if number else key
            queued = self.queue_whole(alias, whole, connection=connection, **options)
            if queued.send_at is None or now() - queued.send_at < _SAME_MESSAGE:
                break
        return queued

    def _take_in(self, alias: str, connection: Any, values: Mapping[str, object]) -> Queued:
        run_here = partial(self._run, connection, values)
        row = run_here(_insert(values))
        if row is None or not row[0]:
            # Unknown, or never authorised: its grant may be in a file.
            self._tokens.load(alias)
            row = row or run_here(_insert(values))
        if row is not None and row[1] is None:
            row = run_here(_EARLIER)
        return _queued(alias, row)

    async def aqueue_email(
        self, alias: str, *, connection: Any = None, **arguments: Unpack[QueueArguments]
    ) -> Queued:
        """See `mailcore.Mailcore.aqueue_email`."""
        if connection is None:
            return await self._workers.run(partial(self.queue_email, alias, **arguments))
        with errors_name(alias):
            message, values = self._composed(alias, **arguments)
            if has_from(message):
                _check_from(message, alias, await arun(connection, READ_OWN_ADDRESSES, values))
            row = await arun(connection, _insert(values), values)
            if row is None or not row[0]:
                await self._workers.run(partial(self._tokens.load, alias))
                row = row or await arun(connection, _insert(values), values)
            if row is not None and row[1] is None:
                row = await arun(connection, _EARLIER, values)
            return _queued(alias, row)

    def _run(self, connection: Any, values: Mapping[str, object], statement: str) -> _Row | None:
        if connection is not None:
            return run(connection, statement, values)
        return patiently(DatabaseUnavailable, Deadline(DATABASE_PATIENCE))(
            self._run_alone, values, statement
        )

    def _run_alone(self, values: Mapping[str, object], statement: str) -> _Row | None:
        with self._database.connection() as own:
            row: _Row | None = own.run(statement, values).fetchone()
            return row

    def _composed(
        self, alias: str, **arguments: Unpack[QueueArguments]
    ) -> tuple[ComposedMessage, dict[str, object]]:
        """Compose a message, and return it with its row."""
        given: dict[str, Any] = dict(arguments)
        options = {name: given.pop(name) for name in OPTIONS if name in given}
        checked = queueing_options(**options)
        message = compose(**given)
        return message, self._row(alias, message, from_name=given.get("from_name"), **checked)

    def _row(self, alias: str, message: ComposedMessage, **columns: object) -> dict[str, object]:
        if not ALIAS_PATTERN.fullmatch(alias):  # Postgres would choke on some of what cannot be one
            raise no_sender(alias)
        return {
            "id": str(uuid4()),
            "alias": alias,
            "recipients": list(message.recipients),
            "subject": message.subject,
            "message_id": message.message_id,
            "body": self._vault.seal_bytes(message.raw, MESSAGE.at(alias, message.message_id)),
            **columns,
        }


def _check_from(message: ComposedMessage, alias: str, own: _Row | None) -> None:
    """Refuse a From that is not the sender's at once, rather than leave that to the worker."""
    if own is None:
        raise no_sender(alias)
    account, send_as = own
    check_from(message, alias=alias, account=account, send_as=send_as)


def _insert(values: Mapping[str, object]) -> str:
    return _WITHOUT_KEY if values["idempotency_key"] is None else _WITH_KEY


def _queued(alias: str, row: _Row | None) -> Queued:
    if row is None:
        raise no_sender(alias)
    _, delivery_id, message_id, status, send_at = row[:5]
    return Queued(
        delivery_id=str(delivery_id),
        message_id=message_id,
        alias=alias,
        status=DeliveryStatus(status),
        send_at=send_at and send_at.astimezone(UTC),
    )

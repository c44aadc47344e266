"""Queueing a message: one statement, in the caller's transaction if there is one.

It makes no other caller wait: it locks no row of the sender, and two open transactions that queue
for the same sender write two rows that have nothing in common. Only the same idempotency key
waits for the transaction that used it first: what that comes to is the answer.
"""

from collections.abc import Mapping
from datetime import UTC
from functools import partial
from typing import Any, Unpack
from uuid import uuid4

from mailcore.clock import Deadline
from mailcore.errors import DatabaseUnavailable
from mailcore.grants.tokens import Tokens
from mailcore.message.arguments import QueueArguments
from mailcore.message.compose import compose
from mailcore.outbox.arguments import check_queueing
from mailcore.outbox.callers_connection import arun, run
from mailcore.senders.picture import no_sender
from mailcore.senders.validation import ALIAS_PATTERN
from mailcore.sending.send_email import errors_name
from mailcore.store.database import DATABASE_PATIENCE, Database, patiently
from mailcore.store.encryption import Vault
from mailcore.store.sealed_columns import MESSAGE
from mailcore.store.wake_up import CHANNEL
from mailcore.threads import Workers
from mailcore.values.deliveries import DeliveryStatus, IfUnknown, Queued

#: A key whose earlier message did not go out is free to be used again, in the same row.
_BY_KEY = """
    (alias, idempotency_key) DO UPDATE
    SET recipients = excluded.recipients, subject = excluded.subject,
        message_id = excluded.message_id, status = 'queued', thread_id = excluded.thread_id,
        body = excluded.body, from_name = excluded.from_name, send_at = excluded.send_at,
        expires_at = excluded.expires_at, if_unknown = excluded.if_unknown,
        created_at = excluded.created_at, updated_at = excluded.updated_at,
        leased_until = NULL, claimed_by = NULL, tried_since = NULL, held_by = NULL,
        error_code = NULL, error_text = NULL
    WHERE delivery.status IN ('failed', 'lapsed')
"""
#: Of this very message: the answer was lost with the connection.
_BY_ID = "(id) DO UPDATE SET updated_at = excluded.updated_at"


def _statement(on_conflict: str) -> str:
    """Return one INSERT and one NOTIFY.

    Times are Postgres' own, and move on within a transaction: its messages keep their order.
    """
    return f"""
        WITH known AS (
            SELECT alias, generation FROM sender WHERE alias = %(alias)s
        ), queued AS (
            INSERT INTO delivery (id, alias, recipients, subject, message_id, status, attempts,
                                  idempotency_key, thread_id, body, from_name, send_at,
                                  expires_at, if_unknown, created_at, updated_at)
            SELECT %(id)s::uuid, alias, %(recipients)s::text[], %(subject)s, %(message_id)s,
                   'queued', 0, %(idempotency_key)s::text, %(thread_id)s::text, %(body)s::bytea,
                   %(from_name)s::text, coalesce(%(send_at)s::timestamptz, clock_timestamp()),
                   %(expires_at)s::timestamptz, %(if_unknown)s, clock_timestamp(),
                   clock_timestamp()
            FROM known
            ON CONFLICT {on_conflict}
            RETURNING id, message_id, status, send_at
        ), told AS (
            SELECT pg_notify('{CHANNEL}', %(alias)s) FROM queued
        )
        SELECT known.generation, queued.id, queued.message_id, queued.status, queued.send_at,
               (SELECT count(*) FROM told)
        FROM known LEFT JOIN queued ON true
    """  # noqa: S608 - of constants


_WITH_KEY, _WITHOUT_KEY = _statement(_BY_KEY), _statement(_BY_ID)

_EARLIER = """
    SELECT 1, id, message_id, status, send_at FROM delivery
    WHERE alias = %(alias)s AND idempotency_key = %(idempotency_key)s
"""

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
            values = self._values(alias, **arguments)
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
            values = self._values(alias, **arguments)
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

    def _values(
        self,
        alias: str,
        *,
        thread_id: str | None = None,
        idempotency_key: str | None = None,
        send_at: Any = None,
        expires_at: Any = None,
        if_unknown: IfUnknown | str = IfUnknown.ASK,
        **content: Any,
    ) -> dict[str, object]:
        """Compose a message, and return its row."""
        check_queueing(
            thread_id=thread_id,
            idempotency_key=idempotency_key,
            send_at=send_at,
            expires_at=expires_at,
            if_unknown=if_unknown,
        )
        message = compose(from_address=None, **content)
        if not ALIAS_PATTERN.fullmatch(alias):  # Postgres would choke on some of what cannot be one
            raise no_sender(alias)
        return {
            "id": str(uuid4()),
            "alias": alias,
            "recipients": list(message.recipients),
            "subject": message.subject,
            "message_id": message.message_id,
            "body": self._vault.seal_bytes(message.raw, MESSAGE.at(alias, message.message_id)),
            "from_name": content.get("from_name"),
            "thread_id": thread_id,
            "idempotency_key": idempotency_key,
            "send_at": send_at,
            "expires_at": expires_at,
            "if_unknown": str(if_unknown),
        }


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

"""What became of drafts whose attempt has ended without saying so, and deleting those left over."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mailcore.clock import Deadline
from mailcore.errors import PalEMailError, TemporaryFailure
from mailcore.google.drafts import Drafts
from mailcore.google.failures import GoogleFailure
from mailcore.grants.sender_loading import LoadedSender
from mailcore.grants.tokens import Tokens
from mailcore.message.compose import ComposedMessage
from mailcore.sending.draft_rows import Draft
from mailcore.sending.endings import always
from mailcore.sending.intent import lease
from mailcore.sending.outgoing import OutgoingMessage, SendRequest
from mailcore.sending.send_email import Mailer
from mailcore.settings import Settings
from mailcore.store.database import Database
from mailcore.values.deliveries import DeliveryStatus

log = logging.getLogger("mailcore")

#: Seconds that settling one, or deleting one, may take.
_TIMEOUT = 20.0
#: How many are looked at before others get their turn.
_AT_ONCE = 50
#: Seconds until Gmail's search knows a new draft.
_INDEXED = 120

#: Most deployments have none.
_ANY = "SELECT EXISTS (SELECT FROM draft)"

#: Made by the latest attempt of a message whose outcome is unknown.
_IN_DOUBT = """
    FROM draft JOIN delivery ON delivery.id = draft.delivery_id
                            AND delivery.leased_until = draft.leased_until
    WHERE delivery.status = 'unknown'
"""

#: Nothing is sent as a draft whose id is not recorded, so these were not sent. What their process
#: had to do is done by the queue, or was the caller's to have again. Senders are locked first.
_NOT_SENT = f"""
    WITH ended AS (
        SELECT delivery.id, delivery.alias {_IN_DOUBT} AND draft.draft_id IS NULL
    ), known AS (
        SELECT id FROM sender WHERE alias IN (SELECT alias FROM ended)
        ORDER BY id FOR NO KEY UPDATE
    ), settled AS (
        UPDATE delivery
        SET status = CASE WHEN body IS NOT NULL AND (send_at IS NOT NULL OR if_unknown = 'resend')
                          THEN 'queued' ELSE 'failed' END,
            send_at = CASE WHEN body IS NOT NULL AND if_unknown = 'resend'
                           THEN coalesce(send_at, now()) ELSE send_at END,
            error_code = %(code)s, error_text = %(text)s,
            claimed_by = NULL, leased_until = NULL, updated_at = now()
        WHERE id IN (SELECT id FROM ended WHERE (SELECT count(*) FROM known) >= 0)
          AND status = 'unknown'
        RETURNING alias, status
    )
    UPDATE sender SET failed_total = failed_total + counted.number
    FROM (SELECT alias, count(*) AS number FROM settled
          WHERE status = 'failed' GROUP BY alias) AS counted
    WHERE sender.alias = counted.alias
"""  # noqa: S608 - of constants

#: One is sent only as long as it would be from the queue; after that, a person decides.
_CLAIM = f"""
    WITH due AS (
        SELECT draft.id AS row_id, delivery.id AS delivery_id
        {_IN_DOUBT} AND draft.draft_id IS NOT NULL AND draft.next_look_at <= now()
          AND coalesce(delivery.expires_at, delivery.created_at + %(give_up_after)s) > now()
          AND EXISTS (SELECT FROM sender WHERE sender.alias = draft.alias
                      AND sender.status = 'healthy' AND sender.paused_at IS NULL)
        ORDER BY draft.next_look_at LIMIT 1
        FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE delivery
        SET status = 'sending', claimed_by = NULL, leased_until = clock_timestamp() + %(lease)s,
            updated_at = now()
        FROM due WHERE delivery.id = due.delivery_id AND delivery.status = 'unknown'
        RETURNING delivery.id AS delivery_id, delivery.alias, delivery.recipients,
                  delivery.subject, delivery.message_id, delivery.thread_id,
                  delivery.idempotency_key, delivery.attempts, delivery.leased_until, due.row_id
    ), fenced AS (
        UPDATE draft
        SET leased_until = claimed.leased_until,
            next_look_at = now() + greatest(interval '5 s',
                                            least(now() - draft.created_at, interval '15 min'))
        FROM claimed WHERE draft.id = claimed.row_id
        RETURNING draft.alias AS mailbox, draft.draft_id, draft.unnamed
    )
    SELECT * FROM claimed, fenced
"""  # noqa: S608 - of constants

#: No attempt speaks for these any more. Those of a sender that cannot be asked wait.
_TAKE_LEFT_OVER = """
    UPDATE draft
    SET next_look_at = now() + greatest(interval '1 min',
                                        least(now() - created_at, interval '1 day'))
    WHERE id = (
        SELECT draft.id
        FROM draft LEFT JOIN delivery ON delivery.id = draft.delivery_id
                                     AND delivery.leased_until = draft.leased_until
                                     AND delivery.status IN ('sending', 'unknown')
                   LEFT JOIN sender ON sender.alias = draft.alias
        WHERE delivery.id IS NULL AND coalesce(sender.status, 'healthy') = 'healthy'
          AND draft.next_look_at <= now()
          AND (draft.draft_id IS NOT NULL OR draft.created_at < now() - %(indexed)s)
        ORDER BY draft.next_look_at LIMIT 1 FOR UPDATE OF draft SKIP LOCKED)
    RETURNING id, alias, message_id, draft_id, unnamed OR draft_id IS NULL AS has_unnamed,
              created_at < now() - %(indexed)s AS is_indexed,
              created_at < now() - interval '30 days' AS is_old
"""
#: One that may have left another is looked for once more, when Gmail's search knows it.
_DELETED = """
    WITH searched AS (
        UPDATE draft SET draft_id = NULL WHERE id = %(id)s AND %(wait)s RETURNING id
    )
    DELETE FROM draft WHERE id = %(id)s AND NOT EXISTS (SELECT FROM searched)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _LeftOver:
    id: int
    alias: str
    message_id: str
    draft_id: str | None
    has_unnamed: bool
    is_indexed: bool
    is_old: bool


class LeftDrafts:
    """Settles what can be found out, and tidies up.

    Args:
        settings: for how long mail is tried.
        database: where drafts are recorded.
        tokens: opens grants.
        drafts: Gmail's.
        mailer: sends, and records what came of it.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        tokens: Tokens,
        drafts: Drafts,
        mailer: Mailer,
    ) -> None:
        self._give_up_after = timedelta(days=settings.give_up_after)
        self._database = database
        self._tokens = tokens
        self._drafts = drafts
        self._mailer = mailer

    def run(self, stopping: Callable[[], bool]) -> None:
        """Settle and delete what is due.

        Args:
            stopping: True ends it after the draft that is being looked at.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.connection() as connection:
            [any_draft] = connection.run(_ANY).fetchone() or [False]
        if not any_draft:
            return
        self._settle_unsent()
        for step in (self._settle_next, self._delete_next):
            for _ in range(_AT_ONCE):
                if stopping() or not step():
                    break

    def _settle_unsent(self) -> None:
        text = "The process that was sending it stopped. It was not sent."
        with self._database.connection() as connection:
            connection.run(_NOT_SENT, {"code": TemporaryFailure.code, "text": text})

    def _settle_next(self) -> bool:
        """Find out what became of a draft, and send it if it was not sent."""
        deadline = Deadline(_TIMEOUT)
        values = {"give_up_after": self._give_up_after, "lease": lease(_TIMEOUT)}
        with self._database.connection() as connection:
            row = connection.run(_CLAIM, values).fetchone()
        if row is None:
            return False
        still_open = always(DeliveryStatus.UNKNOWN, before=DeliveryStatus.UNKNOWN)
        with suppress(PalEMailError):  # it is recorded, and looked at again later
            self._mailer.deliver(self._outgoing(row, deadline), if_not_sent=still_open)
        return True

    def _outgoing(self, row: Any, deadline: Deadline) -> OutgoingMessage:
        # The message itself is in the mailbox.
        message = ComposedMessage(
            raw=b"",
            message_id=row.message_id,
            recipients=tuple(row.recipients),
            subject=row.subject,
        )
        request = SendRequest(
            alias=row.alias,
            message=message,
            from_name=None,
            thread_id=row.thread_id,
            idempotency_key=row.idempotency_key,
            deadline=deadline,
        )
        draft = Draft(
            row_id=row.row_id,
            draft_id=row.draft_id,
            recorded=True,
            unnamed=row.unnamed,
            offered=True,
        )
        return OutgoingMessage(
            request=request,
            sender=self._tokens.load(row.mailbox, deadline),
            delivery_id=row.delivery_id,
            leased_until=row.leased_until,
            attempts=row.attempts,
            may_have_arrived=True,
            stored=True,
            tries_once=True,
            draft=draft,
        )

    def _delete_next(self) -> bool:
        """Delete what is left over of a message."""
        with self._database.connection() as connection:
            indexed = timedelta(seconds=_INDEXED)
            row = connection.run(_TAKE_LEFT_OVER, {"indexed": indexed}).fetchone()
        if row is None:
            return False
        left = _LeftOver(**row._asdict())
        try:
            self._delete(left)
        except (GoogleFailure, PalEMailError) as exc:
            if not left.is_old:
                log.info("a draft of sender %s cannot be deleted yet: %s", left.alias, exc)
                return True
            log.warning("a draft of sender %s is left in its mailbox: %s", left.alias, exc)
        wait = left.has_unnamed and not left.is_indexed
        with self._database.connection() as connection:
            connection.run(_DELETED, {"id": left.id, "wait": wait})
        return True

    def _delete(self, left: _LeftOver) -> None:
        deadline = Deadline(_TIMEOUT)
        sender = self._tokens.senders.by_alias(self._database, left.alias, deadline)
        if sender is None:
            return  # and nobody could ask for its mailbox any more
        access = self._access(self._tokens.fresh(sender, deadline), deadline)
        found = [left.draft_id] if left.draft_id else []
        if left.has_unnamed and left.is_indexed:
            found += self._drafts.find(left.message_id, **access)
        for draft_id in found:
            self._drafts.delete(draft_id, **access)

    @staticmethod
    def _access(sender: LoadedSender, deadline: Deadline) -> dict[str, Any]:
        return {"access_token": sender.grant.access_token or "", "deadline": deadline}

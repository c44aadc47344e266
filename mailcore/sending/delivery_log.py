"""The log of deliveries, and settling those whose outcome is open."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from mailcore.clock import Deadline, now
from mailcore.errors import (
    DatabaseUnavailable,
    OutcomeUnknown,
    RateLimited,
    SearchTooSlow,
    TemporaryFailure,
)
from mailcore.grants.tokens import Tokens
from mailcore.senders.events import event
from mailcore.senders.holding import limits
from mailcore.sending import delivery_table, draft_rows
from mailcore.sending.delivery_counts import count_of_senders, count_per_day
from mailcore.sending.delivery_filter import conditions
from mailcore.sending.delivery_rows import (
    COLUMNS,
    DISCARDABLE,
    RETRYABLE,
    locked,
    not_found,
    not_kept,
    not_settleable,
    parsed_id,
    read_after,
    read_page,
    settle,
    shown,
    whole_id,
)
from mailcore.sending.endings import always
from mailcore.sending.intent import lease
from mailcore.sending.outgoing import OutgoingMessage
from mailcore.sending.send_email import Mailer
from mailcore.sending.stored_messages import stored_request
from mailcore.settings import Settings
from mailcore.store.database import Database
from mailcore.store.encryption import Vault
from mailcore.store.models import DeliveryRow
from mailcore.store.postgres_errors import is_timeout
from mailcore.store.sessions import driver
from mailcore.values.deliveries import (
    DayCount,
    Delivery,
    DeliveryPage,
    DeliveryPosition,
    DeliveryStatus,
    Sent,
)
from mailcore.values.senders import AuditEvent

#: Seconds that a search through all deliveries may take, for who named no time.
SEARCH_TIMEOUT = 30.0
#: How many deliveries are read at once where all are.
_BATCH = 1000
#: Seconds that sending again may take.
RETRY_TIMEOUT = 30.0


class DeliveryLog:
    """Every message that someone asked to send.

    Args:
        settings: the deployment's limits: what is held is derived from them.
        database: where they are recorded.
        vault: opens the message of one that is sent again.
        tokens: loads the sender of one that is sent again.
        mailer: sends it.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        vault: Vault,
        tokens: Tokens,
        mailer: Mailer,
    ) -> None:
        self._limits = limits(settings)
        self._database = database
        self._vault = vault
        self._tokens = tokens
        self._mailer = mailer

    def page(
        self,
        *,
        alias: str | None = None,
        status: DeliveryStatus | None = None,
        since: datetime | None = None,
        search: str = "",
        offset: int = 0,
        limit: int = 25,
        timeout: float = SEARCH_TIMEOUT,
    ) -> DeliveryPage:
        """Return one page of deliveries, newest first.

        Args:
            alias: only this sender's.
            status: only these.
            since: only those asked for since this moment, aware.
            search: part of a subject, a recipient or an idempotency key; any case.
            offset: how many to skip.
            limit: how many at most.
            timeout: seconds for all of it.

        Raises:
            SearchTooSlow: the search did not end in time.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        chosen = conditions(self._limits, alias=alias, status=status, since=since, search=search)
        with self._searching(search, timeout) as session:
            return read_page(session, chosen, self._limits, offset=offset, limit=limit)

    def listing(
        self,
        *,
        alias: str | None = None,
        status: DeliveryStatus | None = None,
        since: datetime | None = None,
        search: str = "",
        senders: Sequence[str] = ("*",),
        after: DeliveryPosition | None = None,
        limit: int = 100,
        timeout: float = SEARCH_TIMEOUT,
    ) -> tuple[Delivery, ...]:
        """Return deliveries, newest first, from a position on. Unlike `page` it counts nothing.

        Args:
            alias: only this sender's.
            status: only these.
            since: only those asked for since this moment, aware.
            search: as for `page`.
            senders: patterns of aliases; ``*`` stands for any characters.
            after: where to go on; None begins with the newest.
            limit: how many at most.
            timeout: seconds for all of it.

        Raises:
            SearchTooSlow: the search did not end in time.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        chosen = conditions(
            self._limits, alias=alias, status=status, since=since, search=search, senders=senders
        )
        with self._searching(search, timeout) as session:
            delivery_table.mark_cut_off(driver(session))
            return read_after(session, chosen, self._limits, after=after, limit=limit)

    def every(
        self,
        *,
        alias: str | None = None,
        status: DeliveryStatus | None = None,
        since: datetime | None = None,
        search: str = "",
    ) -> Iterator[Delivery]:
        """Yield every delivery that matches, newest first, reading a thousand at a time.

        Args:
            alias: only this sender's.
            status: only these.
            since: only those asked for since this moment, aware.
            search: as for `page`.

        Raises:
            SearchTooSlow: the search did not end in time.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        after: DeliveryPosition | None = None
        while True:
            read = self.listing(
                alias=alias, status=status, since=since, search=search, after=after, limit=_BATCH
            )
            yield from read
            if len(read) < _BATCH:
                return
            after = DeliveryPosition(created_at=read[-1].created_at, id=read[-1].id)

    @contextmanager
    def _searching(self, search: str, timeout: float) -> Iterator[Session]:
        deadline = Deadline(timeout)
        try:
            with self._database.session(deadline) as session:
                yield session
        except DatabaseUnavailable as exc:
            # Postgres ends a statement a moment before its caller's time is up.
            if not search or not (is_timeout(exc) or deadline.is_over):
                raise
            raise SearchTooSlow(
                f"Searching all deliveries for {search!r} takes longer than {timeout:g} seconds.",
                remedy="Narrow the search to one sender or a shorter time.",
            ) from exc

    def whole_id(self, start: str) -> str:
        """Return a delivery's id, given its first digits: at least four.

        Raises:
            DeliveryNotFound: no delivery's id begins so, or several do.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.session() as session:
            return str(whole_id(session, start))

    def get(self, delivery_id: str) -> Delivery:
        """Return one delivery.

        Raises:
            DeliveryNotFound: none has that id.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        key = parsed_id(delivery_id)
        with self._database.session() as session:
            delivery_table.mark_cut_off(driver(session))
            one = select(*COLUMNS).where(col(DeliveryRow.id) == key).params(**self._limits)
            row = session.execute(one).mappings().first()
        if row is None:
            raise not_found(delivery_id)
        return shown(row)

    def retry(self, delivery_id: str, *, by: str) -> Sent:
        """Send a delivery again that did not go out, or may not have, because a person says so.

        If an attempt with unknown outcome did arrive, the recipients get it twice. If it cannot
        be sent now, it stays as it was.

        Args:
            delivery_id: as in `Delivery.id`.
            by: who decides.

        Raises:
            DeliveryNotFound: none has that id.
            DeliveryNotSettleable: it is not one that can be sent again.
            MailError: it could not be sent now.
            ConfigurationError: the deployment is at fault.
        """
        key = parsed_id(delivery_id)
        with self._database.session() as session:
            row = locked(session, key, delivery_id)
            if row.status not in RETRYABLE:
                raise not_settleable(row, "sent again")
            if row.body is None:
                raise not_kept(row)
        request = stored_request(row, self._vault, Deadline(RETRY_TIMEOUT))
        sender = self._tokens.load(row.alias)
        request.complete(sender)
        with self._database.session() as session:
            until = func.now() + lease(RETRY_TIMEOUT)
            changes: dict[str, object] = {"leased_until": until, "claimed_by": None}
            settle(session, row, "sent again", DeliveryStatus.SENDING, **changes)
            session.add(event(row.alias, AuditEvent.DELIVERY_RETRIED, who=by, detail=delivery_id))
            leased_until = session.exec(
                select(DeliveryRow.leased_until).where(DeliveryRow.id == key)
            ).one()
            draft = None
            if row.status is DeliveryStatus.UNKNOWN:  # of others, the draft is only left over
                draft = draft_rows.take_over(
                    driver(session),
                    delivery_id=key,
                    alias=sender.alias,
                    leased_until=row.leased_until,
                    until=leased_until,
                )
        outgoing = OutgoingMessage(
            request=request,
            sender=sender,
            delivery_id=row.id,
            leased_until=leased_until,
            attempts=row.attempts,
            may_have_arrived=draft is not None,
            stored=True,
            draft=draft,
        )
        try:
            # What is not sent now stays as it was: whether an unknown one arrived is still open.
            return self._mailer.deliver(outgoing, if_not_sent=always(row.status, before=row.status))
        except (TemporaryFailure, RateLimited) as exc:
            if row.status is not DeliveryStatus.UNKNOWN:
                raise
            raise OutcomeUnknown(
                f"Delivery {delivery_id} of sender {row.alias!r} could not be sent again just now. "
                "It is still unknown whether the first attempt arrived.",
                remedy="Check the account's Sent folder before you try again.",
                alias=row.alias,
                delivery_id=delivery_id,
            ) from exc

    def discard(self, delivery_id: str, *, by: str) -> Delivery:
        """Settle a delivery as not to be sent (again), because a person says so.

        Args:
            delivery_id: as in `Delivery.id`.
            by: who decides.

        Raises:
            DeliveryNotFound: none has that id.
            DeliveryNotSettleable: its outcome is no open question.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        key = parsed_id(delivery_id)
        with self._database.session() as session:
            row = locked(session, key, delivery_id)
            if row.status not in DISCARDABLE:
                raise not_settleable(row, "discarded")
            settle(session, row, "discarded", DeliveryStatus.DISCARDED, body=None)
            session.add(event(row.alias, AuditEvent.DELIVERY_DISCARDED, who=by, detail=delivery_id))
        return self.get(delivery_id)

    def settle_as_sent(self, delivery_id: str, *, by: str) -> Delivery:
        """Settle a delivery with unknown outcome as sent, because a person has seen it arrive.

        A job that retries with the same idempotency key gets `Sent`.

        Args:
            delivery_id: as in `Delivery.id`.
            by: who decides.

        Raises:
            DeliveryNotFound: none has that id.
            DeliveryNotSettleable: its outcome is no open question.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        key = parsed_id(delivery_id)
        with self._database.session() as session:
            row = locked(session, key, delivery_id)
            if row.status is not DeliveryStatus.UNKNOWN:
                raise not_settleable(row, "settled as sent")
            at = now()
            settle(session, row, "settled as sent", DeliveryStatus.SENT, body=None, sent_at=at)
            session.add(event(row.alias, AuditEvent.DELIVERY_ARRIVED, who=by, detail=delivery_id))
        return self.get(delivery_id)

    def per_day(self, alias: str | None = None, *, days: int = 30) -> tuple[DayCount, ...]:
        """Count the deliveries of each of the last days, UTC; quiet days count as zero.

        Args:
            alias: only this sender's.
            days: how many, today included.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.statement() as connection:
            return count_per_day(connection, alias, days)

    def per_day_of(
        self, aliases: Collection[str], *, days: int = 30, timeout: float
    ) -> dict[str, tuple[DayCount, ...]]:
        """Count the deliveries of several senders for each of the last days, UTC.

        Args:
            aliases: the senders.
            days: how many, today included.
            timeout: seconds for all of it: the more they send, the longer it takes.

        Returns:
            By alias; days on which a sender sent nothing are left out, and so are such senders.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached, or did not answer in time.
        """
        with self._database.statement(Deadline(timeout)) as connection:
            return count_of_senders(connection, aliases, days)

"""What a person can do about queued mail: pause a sender; hold, release, discard, send again.

Each action is recorded in the audit trail. An action on many messages is one statement, whose
cost is that of the rows it changes.
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import case, func, update
from sqlmodel import col, select

from mailcore.clock import now
from mailcore.errors import InvalidSender
from mailcore.outbox.forecast import QueueForecast, read_forecast
from mailcore.outbox.releasing import release
from mailcore.outbox.selection import QueueChange, selected
from mailcore.senders.descriptions import describe_messages
from mailcore.senders.events import event
from mailcore.senders.holding import limits
from mailcore.senders.picture import find, read_sender
from mailcore.sending import delivery_table
from mailcore.settings import Settings
from mailcore.store.bulk_changes import begin_bulk_change
from mailcore.store.database import Database
from mailcore.store.models import DeliveryRow
from mailcore.store.sessions import driver
from mailcore.store.wake_up import wake_up
from mailcore.values.deliveries import DeliveryStatus
from mailcore.values.senders import AuditEvent, Sender

#: What a limit can be: a message takes that long at most, and Postgres counts no further.
_PER_SECOND, _PER_DAY = (0.001, 1000), (1, 1_000_000_000)


class QueueControl:
    """What a person can do about queued mail.

    Every call that takes filters changes the deliveries that match all of them and can be
    changed that way, and returns how many there were. `ids` names them one by one; ``alias``,
    ``status``, ``since`` and ``search`` are those of `DeliveryLog.page`.

    Args:
        settings: the deployment's limits.
        database: where the mail waits.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._limits = limits(settings)
        self._database = database

    def pause(self, alias: str, *, by: str) -> Sender:
        """Pause a sender's queue until it is resumed.

        A message that is being sent is finished. `send_email` is not affected.

        Raises:
            SenderNotFound: no sender has that alias.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.session() as session:
            row = find(session, alias)
            if row.paused_at is None:
                row.sqlmodel_update({"paused_by": by, "paused_at": now(), "updated_at": now()})
                session.add(event(alias, AuditEvent.PAUSED, who=by))
            session.flush()
            return read_sender(session.connection(), alias)

    def resume(self, alias: str, *, by: str) -> Sender:
        """Resume a sender's queue at once, even if it was waiting after a failure or rate limit.

        Raises:
            SenderNotFound: no sender has that alias.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.session() as session:
            row = find(session, alias)
            if row.paused_at is not None:
                session.add(event(alias, AuditEvent.RESUMED, who=by))
            row.sqlmodel_update(
                {"paused_by": None, "paused_at": None, "next_send_at": None, "updated_at": now()}
            )
            session.flush()
            release(session.connection(), alias)
            return read_sender(session.connection(), alias)

    def set_limits(
        self,
        alias: str,
        *,
        messages_per_second: float | None,
        messages_per_day: int | None,
        recipients_per_day: int | None,
        by: str,
    ) -> Sender:
        """Give a sender limits of its own.

        Args:
            alias: the sender.
            messages_per_second: from its queue; 0.001 to 1000, or None for the deployment's.
            messages_per_day: in any 24 hours; 1 to a billion, or None for the deployment's.
            recipients_per_day: in any 24 hours; 1 to a billion, or None for the deployment's.
            by: who does it.

        Raises:
            SenderNotFound: no sender has that alias.
            InvalidSender: a limit cannot be kept; ``field`` says which.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        given: dict[str, float | None] = {
            "messages_per_second": messages_per_second,
            "messages_per_day": messages_per_day,
            "recipients_per_day": recipients_per_day,
        }
        for name, value in given.items():
            least, most = _PER_SECOND if name == "messages_per_second" else _PER_DAY
            if value is not None and not least <= value <= most:
                raise InvalidSender(
                    f"{name} of sender {alias!r} is {value}.",
                    remedy=f"Give a number from {least:g} to {most:,}, or none.",
                    field=name,
                    alias=alias,
                )
        with self._database.session() as session:
            row = find(session, alias)
            row.sqlmodel_update({**given, "updated_at": now()})
            detail = ", ".join(
                f"{name}: {'default' if value is None else value}" for name, value in given.items()
            )
            session.add(event(alias, AuditEvent.LIMITS_CHANGED, who=by, detail=detail))
            session.flush()
            wake_up(session.connection(), alias)
            return read_sender(session.connection(), alias)

    def forecast(self, alias: str) -> QueueForecast:
        """Say what waits for a sender, until when, and what is left of its budget.

        Raises:
            SenderNotFound: no sender has that alias.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.statement() as connection:
            return read_forecast(connection, alias, self._settings)

    def count(
        self, change: QueueChange, *, ids: Collection[str] | None = None, **filters: Any
    ) -> int:
        """Say how many deliveries a change would affect, to ask for confirmation first.

        Args:
            change: the name of one of the methods below.
            ids: as for that method.
            **filters: likewise.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        chosen = selected(change, ids, filters, self._limits)
        with self._database.session() as session:
            delivery_table.mark_cut_off(driver(session))
            counting = select(func.count()).select_from(DeliveryRow).where(*chosen)
            count: int = session.execute(counting).scalar_one()
            return count

    def hold(self, *, ids: Collection[str] | None = None, by: str, **filters: Any) -> int:
        """Hold waiting deliveries until they are released.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        chosen = selected("hold", ids, filters, self._limits)
        return self._change(chosen, {"held_by": by}, AuditEvent.DELIVERIES_HELD, by)

    def release(self, *, ids: Collection[str] | None = None, by: str, **filters: Any) -> int:
        """Release held deliveries, as they were; those queued for later go out now.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        chosen = selected("release", ids, filters, self._limits)
        send_at = col(DeliveryRow.send_at)
        # What is due keeps its place, and what was kept back its time.
        sooner = case((col(DeliveryRow.held_by).is_(None), func.now()), else_=send_at)
        values = {"held_by": None, "send_at": sooner}
        return self._change(chosen, values, AuditEvent.DELIVERIES_RELEASED, by)

    def discard(self, *, ids: Collection[str] | None = None, by: str, **filters: Any) -> int:
        """Cancel waiting deliveries, so that they are not sent.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        chosen = selected("discard", ids, filters, self._limits)
        values = {"status": DeliveryStatus.DISCARDED, "body": None}
        return self._change(chosen, values, AuditEvent.DELIVERIES_DISCARDED, by)

    def send_again(self, *, ids: Collection[str] | None = None, by: str, **filters: Any) -> int:
        """Queue deliveries again that failed or lapsed, or whose outcome is unknown.

        Only those whose message is still stored. One with unknown outcome may arrive twice, so it
        is included only by its id, or if ``status`` asks for those.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        chosen = selected("send_again", ids, filters, self._limits)
        expired = col(DeliveryRow.expires_at) <= func.now()
        values = {
            "status": DeliveryStatus.QUEUED,
            "send_at": func.now(),
            "expires_at": case((expired, None), else_=col(DeliveryRow.expires_at)),
            **dict.fromkeys(("leased_until", "claimed_by", "tried_since", "held_by")),
        }
        return self._change(chosen, values, AuditEvent.DELIVERY_RETRIED, by)

    def _change(
        self,
        chosen: list[Any],
        values: Mapping[str, object],
        what: AuditEvent,
        by: str,
    ) -> int:
        with self._database.session() as session:
            # In this order: it locks senders, as does a deletion before it waits for its turn.
            delivery_table.mark_cut_off(driver(session))
            begin_bulk_change(session)
            changed = session.execute(
                update(DeliveryRow)
                .where(*chosen)
                .values(**values, updated_at=func.now())
                .returning(col(DeliveryRow.alias))
                .execution_options(synchronize_session=False)
            ).scalars()
            counts: dict[str, int] = {}
            for alias in changed:
                counts[alias] = counts.get(alias, 0) + 1
            for alias, count in counts.items():
                session.add(event(alias, what, who=by, detail=describe_messages(count)))
                wake_up(session.connection(), alias)
            return sum(counts.values())

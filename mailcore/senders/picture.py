"""Reading senders: the picture that the list and a sender's own page show, and the bare row."""

from sqlalchemy import Connection, RowMapping, text
from sqlmodel import Session, select
from sqlmodel.sql.sqltypes import UTCDateTime

from mailcore.clock import now
from mailcore.errors import SenderNotFound
from mailcore.senders.validation import ALIAS_PATTERN
from mailcore.status import SenderStatus
from mailcore.store.models import SenderRow
from mailcore.values.senders import EXPIRING_WITHIN, Sender

#: Without this they would come back in the session's time zone.
MOMENTS = dict.fromkeys(
    (
        "status_changed_at",
        "grant_issued_at",
        "grant_expires_at",
        "last_refreshed_at",
        "probed_at",
        "last_sent_at",
        "last_error_at",
        "created_at",
        "updated_at",
        "paused_at",
        "next_send_at",
        "queued_since",
    ),
    UTCDateTime(),
)

#: Of the table ``sender``.
EXPIRING = """
    (sender.status = 'healthy' AND sender.grant_expires_at IS NOT NULL
     AND sender.grant_expires_at < :expiring_before)
"""

#: Of the tables ``sender`` and ``open``.
COLUMNS = f"""
    sender.alias, sender.gmail_account, sender.display_name, sender.send_as, sender.project,
    sender.fallback_alias, sender.fallback_after, sender.use_drafts, sender.service_account,
    sender.offered_account, sender.status, sender.status_reason, sender.status_changed_at,
    sender.generation,
    sender.granted_scopes, sender.grant_issued_at, sender.grant_expires_at,
    sender.last_refreshed_at, sender.probed_at, sender.last_sent_at, sender.last_error_code,
    sender.last_error_text, sender.last_error_at, sender.created_at, sender.updated_at,
    sender.credentials_json IS NOT NULL AS has_own_client,
    sender.paused_by, sender.paused_at, sender.next_send_at,
    coalesce(open.queued, 0) AS queued, open.queued_since,
    CASE WHEN sender.status = 'healthy' AND sender.paused_at IS NULL THEN 0
         ELSE coalesce(open.queued, 0) END AS held,
    coalesce(open.unknown, 0) AS unknown,
    {EXPIRING} AS expiring
"""

#: How many deliveries of each sender wait in its queue, and for a person.
OPEN = """
    SELECT alias, count(*) FILTER (WHERE status = 'queued') AS queued,
           min(send_at) FILTER (WHERE status = 'queued') AS queued_since,
           count(*) FILTER (WHERE status = 'unknown'
                            OR (status = 'sending' AND leased_until < now())) AS unknown
    FROM delivery WHERE status IN ('queued', 'unknown', 'sending')
"""

_ONE = text(f"""
    WITH open AS ({OPEN} AND alias = :alias GROUP BY alias)
    SELECT {COLUMNS} FROM sender LEFT JOIN open ON open.alias = sender.alias
    WHERE sender.alias = :alias
""").columns(**MOMENTS)  # noqa: S608 - of constants

_AS_STORED = tuple(
    name
    for name in Sender.__dataclass_fields__
    if name not in {"status", "granted_scopes", "send_as"}
)


def times() -> dict[str, object]:
    """Return the moments that the fragments above compare with."""
    return {"expiring_before": now() + EXPIRING_WITHIN}


def read_sender(connection: Connection, alias: str) -> Sender:
    """Return one sender as the running transaction sees it.

    Raises:
        SenderNotFound: no sender has that alias.
    """
    row = connection.execute(_ONE, {"alias": alias, **times()}).mappings().first()
    if row is None:
        raise no_sender(alias)
    return sender_from(row)


def sender_from(row: RowMapping) -> Sender:
    """Return the picture that a row's `COLUMNS` give."""
    return Sender(
        **{name: row[name] for name in _AS_STORED},
        status=SenderStatus(row["status"]),
        granted_scopes=tuple(row["granted_scopes"]),
        send_as=tuple(row["send_as"]),
    )


def no_sender(alias: str) -> SenderNotFound:
    """Return the error of an alias that nobody has."""
    return SenderNotFound(
        f"There is no sender {alias!r}.",
        remedy="`pal-e-mail senders list` shows all senders.",
        alias=alias,
    )


def find(session: Session, alias: str) -> SenderRow:
    """Return a sender's row, locked until the transaction ends.

    Raises:
        SenderNotFound: no sender has that alias.
    """
    row = None
    if ALIAS_PATTERN.fullmatch(alias):  # Postgres would choke on some of what cannot be an alias
        row = session.exec(
            select(SenderRow).where(SenderRow.alias == alias).with_for_update()
        ).first()
    if row is None:
        raise no_sender(alias)
    return row

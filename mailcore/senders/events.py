"""The audit trail's lines."""

from sqlmodel import Session, col, select

from mailcore.store.database import storable
from mailcore.store.models import SenderEventRow
from mailcore.values.senders import AuditEvent, SenderEvent


def event(alias: str, what: AuditEvent, *, who: str, detail: str | None = None) -> SenderEventRow:
    """Return a line for the audit trail, to be added to the running transaction."""
    return SenderEventRow(alias=alias, what=what.value, who=who, detail=detail)


def read_events(session: Session, alias: str, limit: int) -> tuple[SenderEvent, ...]:
    """Return a sender's lines, newest first."""
    rows = session.exec(
        select(SenderEventRow)
        .where(SenderEventRow.alias == storable(alias))
        .order_by(col(SenderEventRow.at).desc(), col(SenderEventRow.id).desc())
        .limit(limit)
    )
    return tuple(
        SenderEvent(at=row.at, alias=row.alias, what=row.what, who=row.who, detail=row.detail)
        for row in rows
    )

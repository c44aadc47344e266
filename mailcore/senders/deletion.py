"""What is removed together with a deleted sender, in one transaction."""

from sqlalchemy import delete, update
from sqlmodel import Session, col

from mailcore.clock import now
from mailcore.senders.descriptions import describe_messages
from mailcore.senders.events import event
from mailcore.store.bulk_changes import begin_bulk_change
from mailcore.store.database import changed_rows
from mailcore.store.models import AuthorizationRequestRow, DeliveryRow, ReauthTicketRow, SenderRow
from mailcore.values.deliveries import DeliveryStatus
from mailcore.values.senders import AuditEvent


def delete_row(session: Session, row: SenderRow, *, by: str, keep_grant: bool) -> int:
    """Delete a sender's row and its open links, and discard what waits for it.

    Args:
        session: of the running transaction.
        row: the sender's, locked.
        by: who deletes it.
        keep_grant: whether its grant at Google is kept; for the audit trail.

    Returns:
        How many deliveries were discarded.
    """
    alias = row.alias
    session.delete(row)
    for table in (AuthorizationRequestRow, ReauthTicketRow):
        session.execute(delete(table).where(col(table.alias) == alias))
    # One that is registered anew under its alias is another sender.
    session.execute(
        update(SenderRow).where(col(SenderRow.fallback_alias) == alias).values(fallback_alias=None)
    )
    begin_bulk_change(session)
    discarded = changed_rows(
        session,
        update(DeliveryRow)
        .where(col(DeliveryRow.alias) == alias, col(DeliveryRow.status) == DeliveryStatus.QUEUED)
        .values(status=DeliveryStatus.DISCARDED, body=None, updated_at=now()),
    )
    detail = f"{describe_messages(discarded)} discarded" if discarded else None
    session.add(event(alias, AuditEvent.DELETED, who=by, detail=detail))
    if keep_grant:
        session.add(event(alias, AuditEvent.GRANT_KEPT, who=by))
    return discarded

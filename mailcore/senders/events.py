"""The audit trail's lines."""

from mailcore.store.models import SenderEventRow
from mailcore.values.senders import AuditEvent


def event(alias: str, what: AuditEvent, *, who: str, detail: str | None = None) -> SenderEventRow:
    """Return a line for the audit trail, to be added to the running transaction."""
    return SenderEventRow(alias=alias, what=what.value, who=who, detail=detail)

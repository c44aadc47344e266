"""The audit trail's lines."""

from mailcore.store.models import SenderEventRow


def event(alias: str, what: str, *, who: str, detail: str | None = None) -> SenderEventRow:
    """Return a line for the audit trail, to be added to the running transaction."""
    return SenderEventRow(alias=alias, what=what, who=who, detail=detail)

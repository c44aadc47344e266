"""Handing the grant of a deleted sender back to Google."""

import logging
from datetime import datetime

from sqlmodel import Session, col, select

from mailcore.errors import DatabaseUnavailable
from mailcore.google.credentials import Grant
from mailcore.google.failures import GoogleFailure
from mailcore.google.revocation import TokenRevocation
from mailcore.senders.accounts import same_account
from mailcore.senders.events import event
from mailcore.store.database import Database
from mailcore.store.models import SenderEventRow, SenderRow
from mailcore.values.senders import AuditEvent, Revocation

log = logging.getLogger("mailcore")


class GrantRevocations:
    """Ends grants whose sender is gone.

    Args:
        database: where the others are.
        revocation: Google's endpoint.
    """

    def __init__(self, database: Database, revocation: TokenRevocation) -> None:
        self._database = database
        self._revocation = revocation

    def revoke(self, alias: str, account: str | None, grant: Grant, *, by: str) -> Revocation:
        """End a grant, unless another sender lives on the same account's.

        Google ends all that an account has granted. So it is asked for the last sender of an
        account only; of two that are deleted at the same moment, one finds itself the last.

        Args:
            alias: the sender that was deleted, in a transaction that is committed.
            account: its account, or None.
            grant: what to end.
            by: who deleted it.
        """
        try:
            with self._database.session() as session:
                shared = _has_grant(session, account)
        except DatabaseUnavailable as exc:
            return self.record(alias, by, Revocation.FAILED, str(exc))
        if shared:
            return Revocation.SHARED
        try:
            self._revocation.revoke(grant.refresh_token or grant.access_token or "")
        except GoogleFailure as exc:
            return self.record(alias, by, Revocation.FAILED, str(exc))
        return self.record(alias, by, Revocation.REVOKED, None)

    def revoke_late(
        self, alias: str, account: str, grant: Grant, *, asked_at: datetime, by: str
    ) -> None:
        """End a grant that came for a sender that was deleted meanwhile.

        Args:
            alias: the sender.
            account: who consented.
            grant: what Google gave.
            asked_at: when the re-auth was begun. Whoever deleted the sender since may have
                wanted its grants kept.
            by: who began it.
        """
        with self._database.session() as session:
            kept = session.exec(
                select(SenderEventRow.id).where(
                    SenderEventRow.alias == alias,
                    SenderEventRow.what == AuditEvent.GRANT_KEPT,
                    col(SenderEventRow.at) >= asked_at,
                )
            ).first()
        if kept is None:
            self.revoke(alias, account, grant, by=by)

    def record(self, alias: str, by: str, outcome: Revocation, detail: str | None) -> Revocation:
        """Write down what came of it, and return that."""
        done = outcome is Revocation.REVOKED
        what = AuditEvent.GRANT_REVOKED if done else AuditEvent.GRANT_NOT_REVOKED
        try:
            with self._database.session() as session:
                session.add(event(alias, what, who=by, detail=detail))
        except DatabaseUnavailable as exc:  # the sender is deleted, and its grant dealt with
            log.warning("sender %s: %s could not be recorded: %s", alias, what, exc)
        return outcome


def _has_grant(session: Session, account: str | None) -> bool:
    """Say whether a sender has a grant of that account."""
    accounts = session.exec(
        select(SenderRow.gmail_account).where(
            col(SenderRow.token_json).is_not(None), col(SenderRow.service_account).is_(None)
        )
    )
    return account is not None and any(each and same_account(account, each) for each in accounts)

"""*Renew all due*: which sender of a walk is next."""

from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session, col, select

from mailcore.clock import now
from mailcore.reauth.authorization_requests import LINK_LIFETIME
from mailcore.senders.registry import SenderRegistry
from mailcore.store.database import Database
from mailcore.store.models import AuthorizationRequestRow
from mailcore.values.reauth import AuthorizationOutcome, RenewalWalk

#: How many due senders a walk looks at to find its next.
_SEEN = 200
_NEVER = datetime.min.replace(tzinfo=UTC)


def columns_of(walk: RenewalWalk | None) -> dict[str, Any]:
    """Return what the row of a re-auth keeps of the walk that it is part of."""
    if walk is None:
        return {"renewing_all": False}
    return {
        "renewing_all": True,
        "renewing_until": walk.ends_before,
        "renewing_project": walk.project,
        "renewing_since": walk.since,
    }


def walk_of(request: AuthorizationRequestRow) -> RenewalWalk | None:
    """Return the run of *Renew all due* that a re-auth is part of, if it is part of one."""
    if not request.renewing_all:
        return None
    return RenewalWalk(
        ends_before=request.renewing_until,
        project=request.renewing_project,
        since=request.renewing_since or request.created_at,
    )


def next_of(
    walk: RenewalWalk, *, by: str, again: bool, database: Database, senders: SenderRegistry
) -> str | None:
    """Return the sender that is next, or None if none is left.

    Those whose re-auth this person was refused come last, the latest refusal at the very end.

    Args:
        walk: which senders are due.
        by: who renews them.
        again: whether those that were refused come at all.
        database: where the refusals are.
        senders: finds who is due.
    """
    due = [sender.alias for sender in senders.page(walk=walk, limit=_SEEN).senders]
    with database.session() as session:
        refused = _last_refusals(session, by, walk)
    if not again:
        due = [alias for alias in due if alias not in refused]
    return min(due, key=lambda alias: refused.get(alias, _NEVER), default=None)


def _last_refusals(session: Session, by: str, walk: RenewalWalk) -> dict[str, datetime]:
    """Return when each sender was last refused to this person: in this walk, or just before."""
    refusals = session.exec(
        select(AuthorizationRequestRow.alias, AuthorizationRequestRow.created_at)
        .where(
            AuthorizationRequestRow.requested_by == by,
            AuthorizationRequestRow.outcome == AuthorizationOutcome.REFUSED,
            AuthorizationRequestRow.created_at > min(walk.since, now() - LINK_LIFETIME),
        )
        .order_by(col(AuthorizationRequestRow.created_at))
    )
    return dict(refusals.all())

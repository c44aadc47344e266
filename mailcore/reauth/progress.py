"""What has become of re-auths that were begun."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlmodel import Session, col, or_, select

from mailcore.clock import now
from mailcore.errors import LinkExpired, LinkInvalid
from mailcore.reauth.walks import walk_of
from mailcore.store.models import AuthorizationRequestRow, SenderRow
from mailcore.values.reauth import AuthorizationOutcome, AuthorizationProgress

#: A callback that stored no outcome within this time was cut off.
_CUT_OFF_AFTER = timedelta(minutes=1)
_CUT_OFF = "Google's response was not fully processed. Start the re-auth again."
#: For how long what became of a re-auth is worth telling.
_TELLING = timedelta(hours=1)


def read_progress(session: Session, authorization_id: str) -> AuthorizationProgress:
    """Return how far a re-auth has come.

    Raises:
        LinkInvalid: there is none with that id.
    """
    request = find_request(session, authorization_id)
    account = session.exec(
        select(SenderRow.gmail_account).where(SenderRow.alias == request.alias)
    ).first()
    return _progress(request, account)


def read_unfinished(session: Session, aliases: Collection[str]) -> dict[str, AuthorizationProgress]:
    """Return the newest re-auth of each sender that has had no new grant since."""
    rows = session.exec(
        select(AuthorizationRequestRow, SenderRow.gmail_account)
        .join(SenderRow, col(SenderRow.alias) == AuthorizationRequestRow.alias)
        .where(
            col(AuthorizationRequestRow.alias).in_(aliases),
            AuthorizationRequestRow.created_at > now() - _TELLING,
            or_(
                col(SenderRow.grant_issued_at).is_(None),
                col(SenderRow.grant_issued_at) < AuthorizationRequestRow.created_at,
            ),
        )
        .order_by(col(AuthorizationRequestRow.created_at))
    )
    return {
        request.alias: _progress(request, account)
        for request, account in rows
        if not _is_offer(request)
    }


def _is_offer(request: AuthorizationRequestRow) -> bool:
    """Say whether it is a link on the page after another re-auth, which nobody need follow."""
    return request.consumed_at is None and (request.renewing_all or request.retries > 0)


def outcome_of(
    request: AuthorizationRequestRow,
) -> tuple[AuthorizationOutcome, str | None, str | None]:
    """Return how far a re-auth has come, and a refusal's code and words."""
    if request.outcome is not AuthorizationOutcome.WAITING:
        return request.outcome, request.refusal_code, request.refusal_text
    if request.consumed_at is not None and request.consumed_at < now() - _CUT_OFF_AFTER:
        return AuthorizationOutcome.REFUSED, "cut_off", _CUT_OFF
    if request.consumed_at is None and request.expires_at <= now():
        return AuthorizationOutcome.EXPIRED, LinkExpired.code, "The link expired unused."
    return AuthorizationOutcome.WAITING, None, None


def find_request(session: Session, authorization_id: str) -> AuthorizationRequestRow:
    """Return a re-auth, whatever has become of it.

    Raises:
        LinkInvalid: there is none with that id.
    """
    try:
        request = session.get(AuthorizationRequestRow, UUID(authorization_id))
    except ValueError:  # no such id can have been made
        request = None
    if request is None:
        raise LinkInvalid("This re-auth does not exist.", remedy="Start a new one.")
    return request


def _progress(request: AuthorizationRequestRow, gmail_account: str | None) -> AuthorizationProgress:
    """Return how far a re-auth of the sender with that account has come."""
    outcome, code, detail = outcome_of(request)
    return AuthorizationProgress(
        authorization_id=str(request.id),
        alias=request.alias,
        gmail_account=gmail_account,
        outcome=outcome,
        begun_at=request.created_at,
        code=code,
        detail=detail,
        walk=walk_of(request),
        requested_by=request.requested_by,
    )

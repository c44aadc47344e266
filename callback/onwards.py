"""Where a person is led after a callback: to another try, or to the next sender of a walk.

Both are a courtesy: the page has to show what became of the re-auth, whatever the trouble with
the next one is.
"""

import logging

from callback.error_responses import OUTCOMES, UNFORESEEN
from mailcore import Authorization, Completed, Mailcore, PalEMailError, WrongAccount

logger = logging.getLogger(__name__)


class Onwards:
    """Begins the re-auth that the page after a callback offers.

    Args:
        core: begins it.
    """

    def __init__(self, core: Mailcore) -> None:
        self._authorizations = core.authorizations

    def after_success(self, completed: Completed) -> Authorization | None:
        """Begin the next one of *Renew all due*, if this one was part of that."""
        if completed.walk is None:
            return None
        try:
            return self._authorizations.next_due(by=completed.requested_by, walk=completed.walk)
        except PalEMailError as exc:
            logger.warning("No link to the next sender that is due: %s", exc.code)
            return None

    def after_refusal(self, refused: PalEMailError, authorization_id: str) -> Authorization | None:
        """Begin it again, where that may help; or else go on with *Renew all due*."""
        again = self._again(refused, authorization_id)
        return again or self._past(authorization_id)

    def _again(self, refused: PalEMailError, authorization_id: str) -> Authorization | None:
        outcome = OUTCOMES.get(refused.code, UNFORESEEN)
        if refused.alias is None or not outcome.fixed_by_retry:
            return None
        try:
            return self._authorizations.begin_again(
                authorization_id, choose_account=isinstance(refused, WrongAccount)
            )
        except PalEMailError as exc:
            logger.warning("No link to try again for %r: %s", refused.alias, exc.code)
            return None

    def _past(self, authorization_id: str) -> Authorization | None:
        """Begin one that was not refused yet: the others must not wait for this one."""
        try:
            progress = self._authorizations.progress(authorization_id)
            if progress.walk is None:
                return None
            return self._authorizations.next_due(
                by=progress.requested_by, walk=progress.walk, again=False
            )
        except PalEMailError as exc:
            logger.warning("No link past a sender that was refused: %s", exc.code)
            return None

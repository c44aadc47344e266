"""What becomes of queued mail that did not go out: back into the queue, with growing pauses."""

import random
from datetime import timedelta

from mailcore.clock import now
from mailcore.errors import (
    InvalidMessage,
    PalEMailError,
    ReauthRequired,
    SenderBlocked,
    SenderNotFound,
)
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.sending.endings import Ending, IfNotSent
from mailcore.sending.outgoing import OutgoingMessage
from mailcore.values.deliveries import DeliveryStatus, IfUnknown

#: Seconds that a sender's queue waits after the first attempt in vain, and at most.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 900.0
#: The same at most where Google, or something before it, says when to try again.
_LONGEST_ASKED = 86_400.0

#: It waits without being tried: a re-auth or a person lets it go, or its worker just stopped. A
#: moment passes in any case: what Google refuses may not show in the sender's status.
_WAITS = Ending(status=DeliveryStatus.QUEUED, pause=timedelta(seconds=_FIRST_PAUSE))
_FAILS = Ending(status=DeliveryStatus.FAILED)
_UNKNOWN = Ending(status=DeliveryStatus.UNKNOWN)

_FINAL = {
    FailureKind.MESSAGE: _FAILS,
    FailureKind.GRANT: _WAITS,
    FailureKind.ACCESS_TOKEN: _WAITS,
    FailureKind.ACCOUNT: _WAITS,
}


def into_the_queue(
    if_unknown: IfUnknown, give_up_after: timedelta, *, tried_for: float = 0.0
) -> IfNotSent:
    """Return what keeps a message in the queue, or puts it there, as long as that may help.

    Args:
        if_unknown: what is done with it where nobody can tell whether Gmail has it.
        give_up_after: for how long it is tried in vain before it lapses.
        tried_for: for how many seconds it has been by now.
    """

    def ending(outgoing: OutgoingMessage, failure: GoogleFailure | PalEMailError) -> Ending:
        if isinstance(failure, ReauthRequired | SenderBlocked):
            return _WAITS
        if isinstance(failure, PalEMailError):  # before Google was asked
            final = isinstance(failure, InvalidMessage | SenderNotFound)
            return _FAILS if final else again_after(_growing(tried_for))
        # What became of a draft can be found out.
        stays = if_unknown is IfUnknown.ASK or outgoing.draft is not None
        if failure.kind is FailureKind.UNKNOWN and stays:
            return _UNKNOWN
        if failure.reason == "interrupted":
            return _WAITS
        if failure.kind in _FINAL:
            return _FINAL[failure.kind]
        pause = _growing(tried_for)
        if failure.retry_at is not None:
            asked = (failure.retry_at - now()).total_seconds()
            pause = min(max(asked, _FIRST_PAUSE), _LONGEST_ASKED)  # clocks disagree
        return again_after(pause, slower=failure.kind is FailureKind.RATE)

    def again_after(seconds: float, *, slower: bool = False) -> Ending:
        return Ending(
            status=DeliveryStatus.QUEUED,
            pause=timedelta(seconds=seconds),
            slower=slower,
            in_vain=True,
            give_up_after=give_up_after,
        )

    return ending


def _growing(tried_for: float) -> float:
    """Return a pause as long as all the trying so far: it doubles each time."""
    pause = min(max(tried_for, _FIRST_PAUSE), _LONGEST_PAUSE)
    return pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing

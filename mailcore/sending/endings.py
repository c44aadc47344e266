"""What happens to a message that did not go out; whoever sends it decides."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from mailcore.errors import PalEMailError
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.sending.outgoing import OutgoingMessage
from mailcore.values.deliveries import DeliveryStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What becomes of a message that did not go out, or may not have.

    Attributes:
        status: what its row is now.
        is_news: whether it was something else before, so that it is counted for the metrics. The
            rest is for one that goes back into the queue.
        pause: for how long its sender's queue waits.
        slower: its sender's queue leaves more time between two messages from now on.
        in_vain: its sender could have sent it, so that the time counts in which it is tried.
        give_up_after: for how long it is tried in vain before it lapses.
    """

    status: DeliveryStatus
    is_news: bool = True
    pause: timedelta = timedelta()
    slower: bool = False
    in_vain: bool = False
    give_up_after: timedelta = timedelta()


#: Says what becomes of a message after a failure.
IfNotSent = Callable[[OutgoingMessage, GoogleFailure | PalEMailError], Ending]


def always(status: DeliveryStatus, *, before: DeliveryStatus | None = None) -> IfNotSent:
    """Return what gives each message that certainly did not go out the same status.

    Args:
        status: what it becomes.
        before: what it came to before it was sent again, if it was.
    """

    def ending(_outgoing: OutgoingMessage, failure: GoogleFailure | PalEMailError) -> Ending:
        unknown = isinstance(failure, GoogleFailure) and failure.kind is FailureKind.UNKNOWN
        becomes = DeliveryStatus.UNKNOWN if unknown else status
        return Ending(status=becomes, is_news=becomes is not before)

    return ending


#: It is over: its caller is told why.
FAILS = always(DeliveryStatus.FAILED)

"""The state machine of a sender: pure, and one table of moves to audit.

*Expiring* is no state but a fact about a healthy sender (`values.senders.Sender.expiring`).
What is transient, or the fault of the OAuth client or the project, is no event here: it
moves nobody.
"""

from dataclasses import dataclass
from enum import StrEnum


class SenderStatus(StrEnum):
    """What Google last said of a sender's grant."""

    #: Registered, never authorised.
    PENDING = "pending"
    #: The last thing Google said was yes.
    HEALTHY = "healthy"
    #: Google refuses the grant; a re-auth mends it.
    EXPIRED = "expired"
    #: Google refuses the account for a reason that a re-auth does not mend.
    BLOCKED = "blocked"


_ANY = frozenset(SenderStatus)


class SenderEventKind(StrEnum):
    """What can move a sender."""

    #: A completed re-auth (or an import) stored a grant.
    GRANT_STORED = "grant_stored"
    #: Gmail took a message.
    SEND_ACCEPTED = "send_accepted"
    #: Google refuses the grant.
    GRANT_REFUSED = "grant_refused"
    #: Google refuses the account.
    ACCOUNT_REFUSED = "account_refused"


@dataclass(frozen=True, slots=True)
class Move:
    """From where an event moves a sender, and where to.

    Attributes:
        sources: the states that it moves; in others it changes nothing.
        target: the state that it leads to.
        guarded: it counts only if the sender's generation is still the one that the
            attempt used. A slow job that fails on the *old* grant must never undo the
            re-auth that happened meanwhile.
    """

    sources: frozenset[SenderStatus]
    target: SenderStatus
    guarded: bool


MOVES = {
    SenderEventKind.GRANT_STORED: Move(_ANY, SenderStatus.HEALTHY, guarded=False),
    SenderEventKind.SEND_ACCEPTED: Move(
        frozenset({SenderStatus.EXPIRED, SenderStatus.BLOCKED}), SenderStatus.HEALTHY, guarded=True
    ),
    SenderEventKind.GRANT_REFUSED: Move(
        frozenset({SenderStatus.HEALTHY, SenderStatus.BLOCKED}), SenderStatus.EXPIRED, guarded=True
    ),
    SenderEventKind.ACCOUNT_REFUSED: Move(
        frozenset({SenderStatus.HEALTHY, SenderStatus.EXPIRED}), SenderStatus.BLOCKED, guarded=True
    ),
}


def after(event: SenderEventKind, status: SenderStatus, *, same_generation: bool) -> SenderStatus:
    """Return the status that an event leads to; the same one where it moves nothing.

    Args:
        event: what happened.
        status: the sender's status before.
        same_generation: the grant that the event is about is still the stored one.
    """
    move = MOVES[event]
    if status not in move.sources or (move.guarded and not same_generation):
        return status
    return move.target

"""The state machine of a sender: one table of transitions to audit.

*Expiring* is not a state but a property of a healthy sender (`values.senders.Sender.expiring`).
Temporary failures, and faults of the OAuth client or the project, trigger nothing: they change no
sender's status.
"""

from dataclasses import dataclass
from enum import StrEnum


class SenderStatus(StrEnum):
    """What Google last said about a sender's grant."""

    #: Registered, never authorised.
    PENDING = "pending"
    #: The last thing Google said was yes.
    HEALTHY = "healthy"
    #: Google refuses the grant; a re-auth fixes it.
    EXPIRED = "expired"
    #: Google refuses the account for a reason that a re-auth does not fix.
    BLOCKED = "blocked"


class Trigger(StrEnum):
    """What can change a sender's status."""

    #: A completed re-auth (or an import) stored a grant.
    GRANT_STORED = "grant_stored"
    #: Google's token endpoint renewed the grant.
    GRANT_RENEWED = "grant_renewed"
    #: Gmail accepted a message.
    SEND_ACCEPTED = "send_accepted"
    #: Google refuses the grant.
    GRANT_REFUSED = "grant_refused"
    #: Google refuses the account.
    ACCOUNT_REFUSED = "account_refused"


class RefusedBy(StrEnum):
    """Which part of Google refused an expired or blocked sender.

    They disagree at times: the token endpoint renews a grant whose mailbox Gmail refuses. So a
    renewal refutes only what the token endpoint itself has said.
    """

    TOKEN_ENDPOINT = "token_endpoint"  # noqa: S105 - a name, not a token
    GMAIL = "gmail"


@dataclass(frozen=True, slots=True)
class Transition:
    """From where a trigger takes a sender, and where to.

    Attributes:
        sources: the states in which it counts; in others it changes nothing.
        target: the state that it leads to.
    """

    sources: frozenset[SenderStatus]
    target: SenderStatus


_REFUSED = frozenset({SenderStatus.EXPIRED, SenderStatus.BLOCKED})

#: Every trigger but `GRANT_STORED` counts only while the sender's generation is the one that
#: the attempt used: a slow job that fails on the *old* grant must never undo the re-auth that
#: happened meanwhile. `GRANT_RENEWED` counts only for refusals by the token endpoint.
TRANSITIONS = {
    Trigger.GRANT_STORED: Transition(frozenset(SenderStatus), SenderStatus.HEALTHY),
    Trigger.GRANT_RENEWED: Transition(_REFUSED, SenderStatus.HEALTHY),
    Trigger.SEND_ACCEPTED: Transition(_REFUSED, SenderStatus.HEALTHY),
    Trigger.GRANT_REFUSED: Transition(
        frozenset({SenderStatus.HEALTHY, SenderStatus.BLOCKED}), SenderStatus.EXPIRED
    ),
    Trigger.ACCOUNT_REFUSED: Transition(
        frozenset({SenderStatus.HEALTHY, SenderStatus.EXPIRED}), SenderStatus.BLOCKED
    ),
}

"""A re-auth as callers see it, from start to finish, and the link that lets others do it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mailcore.clock import now
from mailcore.values.senders import EXPIRING_WITHIN, Sender


class AuthorizationOutcome(StrEnum):
    """How far a re-auth that was begun has come."""

    #: The person has not come back from Google yet.
    WAITING = "waiting"
    #: The grant is stored.
    DONE = "done"
    #: It was refused; the detail says why.
    REFUSED = "refused"
    #: The link expired unused.
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalWalk:
    """One run of *Renew all due*, from sender to sender.

    It takes in those that are expired, and those whose grant ends early enough; but none that
    has been re-authorised since it began, as a new grant may end early enough, too.

    Attributes:
        ends_before: grants that end before then; None for 48 hours after it began.
        project: only senders of this project; None for all.
        since: when it began.
    """

    ends_before: datetime | None = None
    project: str | None = None
    since: datetime = field(default_factory=now)

    @property
    def until(self) -> datetime:
        """Before when a grant must end to be taken in."""
        return self.ends_before or self.since + EXPIRING_WITHIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """A re-auth that has been begun.

    Attributes:
        id: identifies the re-auth, to ask for its progress; not a secret.
        alias: the sender.
        gmail_account: the account to choose at Google, or None for any.
        url: Google's consent page; whoever has it can consent, once.
        expires_at: when the link stops working.
    """

    id: str
    alias: str
    gmail_account: str | None
    url: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationProgress:
    """How far a re-auth has come.

    Attributes:
        outcome: waiting, done, refused or expired.
        begun_at: when it was begun.
        code: the refusal's code as in `mailcore.errors`, or None.
        detail: why it was refused, in words, or None; `describe_next_step` says what to do.
        walk: the run of *Renew all due* that it is part of, or None.
        requested_by: who began it.
    """

    authorization_id: str
    alias: str
    gmail_account: str | None
    outcome: AuthorizationOutcome
    begun_at: datetime
    code: str | None
    detail: str | None
    walk: RenewalWalk | None
    requested_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A re-auth that stored a grant.

    Attributes:
        sender: as it is now.
        walk: the run of *Renew all due* that it is part of, or None.
        released: how many deliveries are no longer held for a re-auth.
    """

    authorization_id: str
    sender: Sender
    walk: RenewalWalk | None
    requested_by: str
    released: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A link that lets a mailbox's owner re-authorise without admin access.

    Attributes:
        id: identifies the ticket, to ask for its progress; not a secret.
        alias: the sender.
        url: the link itself; None when looked up by its secret.
        expires_at: when it stops working.
    """

    id: int
    alias: str
    gmail_account: str | None
    url: str | None = field(repr=False)
    expires_at: datetime


class TicketState(StrEnum):
    """What has become of a ticket."""

    #: Nobody has pressed its button yet.
    UNOPENED = "unopened"
    #: Somebody has, and has not come back from Google yet.
    OPENED = "opened"
    #: The latest try was refused; the ticket can be used again.
    REFUSED = "refused"
    #: The grant is stored, or the account is offered to an admin.
    DONE = "done"
    #: The sender was re-authorised in another way.
    ENDED = "ended"
    #: It is older than 72 hours.
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketProgress:
    """What has become of a ticket.

    Attributes:
        at: since when.
        code: a refusal's code as in `mailcore.errors`, or None.
        detail: why it was refused, in words, or None; `describe_next_step` says what to do.
    """

    state: TicketState
    at: datetime
    code: str | None = None
    detail: str | None = None

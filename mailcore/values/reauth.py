"""Frozen pictures of a re-auth: begun, under way, done; and the link that lets others do it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mailcore.values.senders import Sender


class AuthorizationOutcome(StrEnum):
    """How far a re-auth that was begun has come."""

    #: The person has not come back from Google yet.
    WAITING = "waiting"
    #: The grant is stored.
    DONE = "done"
    #: It was refused; the detail says why.
    REFUSED = "refused"
    #: The link ran out unused.
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """A re-auth that has been begun.

    Attributes:
        id: names it for asking after its progress; no secret.
        alias: the sender.
        gmail_account: the account to choose at Google, or None for any.
        url: Google's consent page; whoever has it can consent, once.
        expires_at: until when the link works.
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
        code: the refusal's code as in `mailcore.errors`, or None.
        detail: why it was refused, in words, or None; `describe_next_step` says what to do.
        renewing_all: it is one of a walk through everything that is due.
        requested_by: who began it.
    """

    authorization_id: str
    alias: str
    gmail_account: str | None
    outcome: AuthorizationOutcome
    code: str | None
    detail: str | None
    renewing_all: bool
    requested_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A re-auth that stored a grant.

    Attributes:
        sender: as it is now.
        released: how many held deliveries no longer wait for a re-auth.
    """

    authorization_id: str
    sender: Sender
    renewing_all: bool
    requested_by: str
    released: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A link that lets a mailbox's owner re-authorise without admin access.

    Attributes:
        alias: the sender.
        url: where it is redeemed; None when looked up by its secret.
        expires_at: until when it works.
    """

    alias: str
    gmail_account: str | None
    url: str | None = field(repr=False)
    expires_at: datetime

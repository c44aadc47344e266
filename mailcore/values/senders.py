"""Senders as callers see them, their history, and problems that affect all of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from mailcore.status import SenderStatus

#: A healthy sender whose grant ends within this time is *expiring*.
EXPIRING_WITHIN = timedelta(hours=48)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A Gmail account that jobs send through.

    Attributes:
        alias: the name jobs use.
        gmail_account: the mailbox's address; None until the first consent adopts one.
        display_name: the name recipients see in From, or None.
        send_as: further addresses that it may send as, given by an admin.
        fallback_alias: the sender through which queued mail that allows it goes out while this
            one can't send; or None.
        fallback_after: after how many seconds.
        use_drafts: whether it sends its mail as drafts, so that an unknown outcome settles itself;
            only once `granted_scopes` allow it.
        project: the project that the sender belongs to, or None; pages group senders by it.
        status: what Google last said about the grant.
        status_reason: the same in words; None while healthy.
        generation: increases by 1 with every stored grant; 0 before the first.
        granted_scopes: what the last consent granted, as full URLs.
        grant_issued_at: when the grant was stored.
        grant_expires_at: when Google will end it, or None if that is not known.
        expiring: whether it is healthy, but its grant ends in less than 48 hours.
        probed_at: when Google was last asked only to see whether it still renews the grant, by a
            worker or a check, and said so; or None. See `asked_at`.
        last_error_code: the code of the newest failure since the last success, or None.
        has_own_client: whether the sender has its own OAuth client.
        service_account: the address of the service account that it sends with, whose access never
            expires; None if it sends with a person's consent.
        paused_by: who paused its queue, or None.
        paused_at: when it was paused, or None.
        next_send_at: the time before which its queue sends nothing, because Google asked it to
            slow down or the last attempts failed; or None.
        queued: how many of its deliveries are waiting in the queue, including those for later.
        queued_since: when the first of them became due, or will; None if none is waiting.
        held: how many of them are waiting because it needs a re-auth, is blocked or is paused.
        unknown: how many of its deliveries have an unknown outcome, for a person to settle.
        offered_account: the mailbox that was chosen through a link, and from which nothing is
            sent until an admin confirms it; or None.
    """

    alias: str
    gmail_account: str | None
    display_name: str | None
    project: str | None
    status: SenderStatus
    status_reason: str | None
    status_changed_at: datetime
    generation: int
    granted_scopes: tuple[str, ...]
    grant_issued_at: datetime | None
    grant_expires_at: datetime | None
    expiring: bool
    last_refreshed_at: datetime | None
    probed_at: datetime | None
    last_sent_at: datetime | None
    last_error_code: str | None
    last_error_text: str | None
    last_error_at: datetime | None
    has_own_client: bool
    paused_by: str | None
    paused_at: datetime | None
    next_send_at: datetime | None
    queued: int
    queued_since: datetime | None
    held: int
    unknown: int
    created_at: datetime
    updated_at: datetime
    offered_account: str | None = None
    send_as: tuple[str, ...] = ()
    fallback_alias: str | None = None
    fallback_after: int = 900
    use_drafts: bool = False
    service_account: str | None = None

    @property
    def asked_at(self) -> datetime | None:
        """When Google last said whether it renews the grant, for a probe or for a job; or None."""
        known = (self.probed_at, self.last_refreshed_at)
        return max((moment for moment in known if moment is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """How many senders are in each state. ``expiring`` ones are healthy too."""

    healthy: int
    expiring: int
    expired: int
    blocked: int
    pending: int

    @property
    def all(self) -> int:
        """Every sender, counted once."""
        return self.healthy + self.expired + self.blocked + self.pending


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentProblem:
    """A problem with the OAuth client or the Google project: one banner for all senders.

    Attributes:
        code: ``configuration`` if the token endpoint refuses the OAuth client; ``api_disabled``,
            ``quota_exceeded`` or ``project_refused`` if Gmail refuses the project.
        text: what is wrong.
        at: when it was last seen.
        alias: a sender with which it was seen.
    """

    code: str
    text: str
    at: datetime
    alias: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderPage:
    """One page of senders, and what the page's header needs.

    Attributes:
        senders: at most ``limit`` of them; those that need attention first.
        matching: how many match the search and filter in all.
        totals: how many senders are in each state, without the search and filter.
        projects: how many projects all senders have.
        ending: how many healthy senders have a grant whose end is known.
        unknown: how many deliveries of all senders have an unknown outcome.
        problem: the banner for all senders, or None.
    """

    senders: tuple[Sender, ...]
    matching: int
    totals: Totals
    projects: int
    ending: int
    unknown: int
    problem: DeploymentProblem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantEndCount:
    """How many grants end within a quarter of an hour.

    Attributes:
        at: when it begins.
        count: how many end.
    """

    at: datetime
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantEnd:
    """When a sender's grant ends.

    Attributes:
        alias: the sender.
        generation: of the grant.
        at: when Google ends it, or has ended it.
        updated_at: when anything of the sender last changed that a person can change.
    """

    alias: str
    gmail_account: str | None
    project: str | None
    generation: int
    at: datetime
    updated_at: datetime


#: Who does what jobs do without a person.
JOB = "job"


class AuditEvent(StrEnum):
    """What the audit trail records of a sender."""

    REGISTERED = "registered"
    IMPORTED = "imported"
    CHANGED = "changed"
    CLIENT_CHANGED = "client changed"
    TICKET_ISSUED = "ticket issued"
    REAUTHORIZED = "reauthorized"
    REAUTH_REFUSED = "reauth refused"
    ACCOUNT_OFFERED = "account offered"
    ACCOUNT_REJECTED = "account rejected"
    #: Google accepts the grant again without a re-auth.
    HEALTHY = "healthy"
    EXPIRED = "expired"
    BLOCKED = "blocked"
    DELIVERY_RETRIED = "delivery retried"
    DELIVERY_DISCARDED = "delivery discarded"
    #: Settled by a person: it had arrived.
    DELIVERY_ARRIVED = "delivery arrived"
    DELIVERIES_HELD = "deliveries held"
    DELIVERIES_RELEASED = "deliveries released"
    DELIVERIES_DISCARDED = "deliveries discarded"
    PAUSED = "paused"
    RESUMED = "resumed"
    LIMITS_CHANGED = "limits changed"
    DELETED = "deleted"
    #: After a deletion, at Google.
    GRANT_KEPT = "grant kept"
    GRANT_REVOKED = "grant revoked"
    GRANT_NOT_REVOKED = "grant not revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderEvent:
    """One line of the audit trail.

    Attributes:
        at: when it happened.
        alias: the sender, even after it is deleted.
        what: one of `AuditEvent`; as text, so that entries written by another version can be read.
        who: the admin's email, ``"job"``, ``"cli"``, ``api:LABEL``, or ``ticket from …``.
        detail: more about it, or None.
    """

    at: datetime
    alias: str
    what: str
    who: str
    detail: str | None


class Revocation(StrEnum):
    """What happened to a deleted sender's grant at Google."""

    #: Google ended it.
    REVOKED = "revoked"
    #: Google could not be reached, so the grant may still exist.
    FAILED = "failed"
    #: Whoever deleted the sender chose to keep it.
    KEPT = "kept"
    #: Kept, because another sender uses the same account: Google would end that grant too.
    SHARED = "shared"
    #: There was none.
    NO_GRANT = "no grant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """A sender that was deleted.

    Attributes:
        alias: its alias.
        discarded_deliveries: how many waiting messages were discarded.
        grant: what happened to its grant at Google.
    """

    alias: str
    discarded_deliveries: int
    grant: Revocation


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedToken:
    """What happened to one token file.

    Attributes:
        file: its name.
        alias: the sender, or None if the file names none.
        outcome: ``imported``, ``would import``, ``skipped`` or ``unreadable``.
        detail: why, in words.
    """

    file: str
    alias: str | None
    outcome: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryChange:
    """What happens to one sender so that the registry is as a file says.

    Attributes:
        alias: the sender.
        action: ``add``, ``change`` or ``delete``; ``none`` if it is as the file says; ``keep`` if
            the file does not name it.
        detail: what changes, in words.
    """

    alias: str
    action: Literal["add", "change", "delete", "none", "keep"]
    detail: str

"""Frozen pictures of senders, their history, and the trouble that all of them share."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

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
        project: what the sender belongs to, or None; pages group by it.
        status: what Google last said of the grant.
        status_reason: that, in words; None while healthy.
        generation: +1 with every stored grant; 0 while there was none.
        granted_scopes: what the last consent granted, full URL form.
        grant_issued_at: when the grant was stored.
        grant_expires_at: when Google ends it, or None where no end is known.
        expiring: healthy, and the end is less than 48 hours away.
        last_error_code: the code of the newest failure since the last success, or None.
        has_own_client: whether the sender brings its own OAuth client.
        paused_by: who paused its queue, or None.
        paused_at: since when it is paused.
        next_send_at: before then its queue sends nothing, as Google asked it to slow down or
            the last attempts failed; None where nothing has.
        queued: how many of its deliveries wait in the queue, those for later included.
        queued_since: since when the first of them has been due; in the future where all are for
            later, None where none waits.
        held: how many of them wait because it cannot send: for a re-auth, or for its being
            resumed.
        unknown: how many of its deliveries may or may not have gone out, for a person to settle.
        offered_account: the mailbox that somebody with a link brought, and that nothing is sent
            from before an admin confirms it; or None.
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
    """Trouble with the OAuth client or the Google project: one banner for all senders.

    Attributes:
        code: the error's code, ``configuration``, ``api_disabled`` or ``quota_exceeded``.
        text: what is wrong.
        at: when it was last seen.
        alias: a sender it was seen with.
    """

    code: str
    text: str
    at: datetime
    alias: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderPage:
    """One page of senders, and what the header needs.

    Attributes:
        senders: at most ``limit`` of them; those that need a person first.
        matching: how many the search and filter match in all.
        totals: of every sender, unfiltered.
        projects: how many projects there are among all senders.
        unknown: how many deliveries wait for a person to settle them, of all senders.
        problem: the banner for all, or None.
    """

    senders: tuple[Sender, ...]
    matching: int
    totals: Totals
    projects: int
    unknown: int
    problem: DeploymentProblem | None


#: Who does what jobs do by themselves.
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
        at: when.
        alias: the sender, kept after it is deleted.
        what: one of `AuditEvent`; text, so that what another version wrote can be read.
        who: the admin's email, ``"job"``, ``"cli"``, ``api:LABEL``, or ``ticket from …``.
        detail: more in words, or None.
    """

    at: datetime
    alias: str
    what: str
    who: str
    detail: str | None


class Revocation(StrEnum):
    """What became of a deleted sender's grant at Google."""

    #: Google ended it.
    REVOKED = "revoked"
    #: Google could not be asked, so the grant may still be there.
    FAILED = "failed"
    #: Whoever deleted the sender wanted to keep it.
    KEPT = "kept"
    #: Kept, as another sender uses the same account: Google would end that one's grant, too.
    SHARED = "shared"
    #: There was none.
    NO_GRANT = "no grant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """A sender that was deleted.

    Attributes:
        alias: what it was called.
        discarded_deliveries: how many messages that waited were discarded.
        grant: what became of its grant at Google.
    """

    alias: str
    discarded_deliveries: int
    grant: Revocation


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedToken:
    """What became of one token file.

    Attributes:
        file: its name.
        alias: the sender, or None where the file tells none.
        outcome: ``imported``, ``would import``, ``skipped`` or ``unreadable``.
        detail: why, in words.
    """

    file: str
    alias: str | None
    outcome: str
    detail: str

"""Frozen pictures of what is stored: the only shape in which rows leave mailcore."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

#: A healthy sender whose grant ends within this time is *expiring*.
EXPIRING_WITHIN = timedelta(hours=48)


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


class DeliveryStatus(StrEnum):
    """How far a message has come."""

    #: Waiting for a worker.
    QUEUED = "queued"
    #: Waiting for its sender to be re-authorised.
    HELD = "held"
    #: Intent is recorded; Gmail may be taking it right now.
    SENDING = "sending"
    #: Gmail has taken it.
    SENT = "sent"
    #: It did not go out, and the reason is known.
    FAILED = "failed"
    #: It may have gone out; a person decides.
    UNKNOWN = "unknown"
    #: Its ``expires_at`` came before it could be sent.
    LAPSED = "lapsed"
    #: A person decided that it shall not be sent (again).
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A Gmail account that jobs send through.

    Attributes:
        alias: the name jobs use.
        gmail_account: the mailbox's address; None until the first consent adopts one.
        display_name: the name recipients see in From, or None.
        project: what the sender belongs to, or None; pages group by it.
        status: what Google last said of the grant.
        status_reason: that, in words, with what to do; None while healthy.
        generation: +1 with every stored grant; 0 while there was none.
        granted_scopes: what the last consent granted, full URL form.
        grant_issued_at: when the grant was stored.
        grant_expires_at: when Google ends it, or None where no end is known.
        expiring: healthy, and the end is less than 48 hours away.
        last_error_code: the code of the newest failure since the last success, or None.
        has_own_client: whether the sender brings its own OAuth client.
        held: how many of its deliveries wait for a re-auth.
        unknown: how many of its deliveries may or may not have gone out, for a person to settle.
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
    held: int
    unknown: int
    created_at: datetime
    updated_at: datetime


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
        code: the error's code, such as ``"invalid_client"``.
        text: what is wrong and what to do.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderEvent:
    """One line of the audit trail.

    Attributes:
        at: when.
        alias: the sender, kept after it is deleted.
        what: such as ``"registered"``, ``"expired"``, ``"reauthorized"``.
        who: the admin's email, ``"job"``, ``"cli"``, or the API key's label.
        detail: more in words, or None.
    """

    at: datetime
    alias: str
    what: str
    who: str
    detail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message that anyone asked to send.

    Attributes:
        id: a UUID in text form.
        recipients: every To, Cc and Bcc address, bare.
        message_id: the RFC 5322 Message-ID, with angle brackets.
        gmail_id: Gmail's own id, once sent.
        can_retry: its outcome is open and the message still stored: it can be sent again.
        can_discard: a person can decide that it shall not be sent (again).
    """

    id: str
    alias: str
    recipients: tuple[str, ...]
    subject: str
    message_id: str
    gmail_id: str | None
    thread_id: str | None
    status: DeliveryStatus
    attempts: int
    error_code: str | None
    error_text: str | None
    idempotency_key: str | None
    can_retry: bool
    can_discard: bool
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPage:
    """One page of deliveries, newest first, and how many match in all."""

    deliveries: tuple[Delivery, ...]
    matching: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """Deliveries of one UTC day: how many were sent, failed, and are unknown."""

    day: datetime
    sent: int
    failed: int
    unknown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that Gmail has taken.

    Attributes:
        delivery_id: its row in the delivery table.
        gmail_id: Gmail's id of it.
        thread_id: Gmail's id of its thread.
        message_id: its RFC 5322 Message-ID, with angle brackets.
        alias: the sender.
    """

    delivery_id: str
    gmail_id: str
    thread_id: str
    message_id: str
    alias: str


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
        detail: the refusal in words, or None.
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
        released: how many held deliveries go out now.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientInfo:
    """The deployment's OAuth client, without its secret; ``source`` says where it is set."""

    client_id: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check of the doctor's; ``remedy`` says what to do, None where all is well."""

    name: str
    ok: bool
    detail: str
    remedy: str | None


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

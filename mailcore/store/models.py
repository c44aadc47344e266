"""The tables: columns only. What they mean is in docs/how-it-works.md."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Enum, Index, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from mailcore.clock import now
from mailcore.status import RefusedBy, SenderStatus
from mailcore.values.alerts import AlertKind, NoticeKind, NoticeStatus
from mailcore.values.deliveries import DeliveryStatus, IfUnknown
from mailcore.values.reauth import AuthorizationOutcome


def _text_of(enum: type[StrEnum], name: str, *, checked: bool = True) -> Enum:
    """Store an enum's values as text under a check: native types break down-then-up."""
    return Enum(
        enum,
        native_enum=False,
        create_constraint=checked,
        length=32,
        name=name,
        values_callable=lambda members: [member.value for member in members],
    )


def _counter() -> Any:
    return Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})


class SenderRow(SQLModel, table=True):
    """A Gmail account that jobs send through, and its grant."""

    __tablename__ = "sender"
    __table_args__ = (Index("sender_next_probe", "next_probe_at"),)

    id: int | None = Field(default=None, primary_key=True)
    alias: str = Field(sa_type=Text, unique=True)
    gmail_account: str | None = Field(default=None, sa_type=Text)
    #: Google's ``sub`` of that account: an address can be given to somebody else, this cannot.
    google_sub: str | None = Field(default=None, sa_type=Text)
    display_name: str | None = Field(default=None, sa_type=Text)
    #: Further addresses that may be in From: Gmail silently replaces one that it does not know.
    send_as: list[str] = Field(
        default_factory=list, sa_type=ARRAY(Text), sa_column_kwargs={"server_default": "{}"}
    )
    project: str | None = Field(default=None, sa_type=Text)
    #: Through whom mail that allows it goes out once it has not been healthy for so many seconds.
    fallback_alias: str | None = Field(default=None, sa_type=Text)
    fallback_after: int = Field(default=900, sa_column_kwargs={"server_default": "900"})
    #: Whether it sends its mail as drafts, so that an unknown outcome settles itself.
    use_drafts: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    credentials_json: str | None = Field(default=None, sa_type=Text, repr=False)
    token_json: str | None = Field(default=None, sa_type=Text, repr=False)
    #: The client that a grant from a token file was given to; it renews that grant only.
    grant_client_json: str | None = Field(default=None, sa_type=Text, repr=False)
    #: The address of the service account that needs no consent; its key is `grant_client_json`.
    service_account: str | None = Field(default=None, sa_type=Text)
    #: The account that somebody with a link brought, and its grant, until an admin confirms it.
    offered_account: str | None = Field(default=None, sa_type=Text)
    offered_grant_json: str | None = Field(default=None, sa_type=Text, repr=False)
    generation: int = 0
    status: SenderStatus = Field(
        default=SenderStatus.PENDING, sa_type=_text_of(SenderStatus, "sender_status")
    )
    status_reason: str | None = Field(default=None, sa_type=Text)
    status_changed_at: datetime = Field(default_factory=now)
    refused_by: RefusedBy | None = Field(
        default=None, sa_type=_text_of(RefusedBy, "sender_refused_by")
    )
    #: When the latest request went out that was refused, by Postgres' clock.
    refused_at: datetime | None = None
    granted_scopes: list[str] = Field(default_factory=list, sa_type=ARRAY(Text))
    grant_issued_at: datetime | None = None
    grant_expires_at: datetime | None = None
    last_refreshed_at: datetime | None = None
    #: When the latest accepted message went out, by Postgres' clock.
    last_sent_at: datetime | None = None
    last_error_code: str | None = Field(default=None, sa_type=Text)
    last_error_text: str | None = Field(default=None, sa_type=Text)
    #: When the request went out, by Postgres' clock.
    last_error_at: datetime | None = None
    #: Who paused its queue, and since when; None where it is not paused.
    paused_by: str | None = Field(default=None, sa_type=Text)
    paused_at: datetime | None = None
    #: Before then its queue sends nothing, by Postgres' clock.
    next_send_at: datetime | None = None
    #: Seconds between two queued messages, as Gmail's answers have asked for.
    send_interval: float = Field(default=0.0, sa_column_kwargs={"server_default": "0"})
    #: Its own limits; None for the deployment's.
    messages_per_second: float | None = None
    messages_per_day: int | None = None
    recipients_per_day: int | None = None
    #: When a worker last asked Google whether the grant still works, and when one will next, by
    #: Postgres' clock.
    probed_at: datetime | None = None
    next_probe_at: datetime | None = None
    #: Counted up for ever, for the metrics: messages by outcome, and renewals of its access.
    sent_total: int = _counter()
    failed_total: int = _counter()
    unknown_total: int = _counter()
    lapsed_total: int = _counter()
    renewed_total: int = _counter()
    renewal_refused_total: int = _counter()
    renewal_failed_total: int = _counter()
    created_at: datetime = Field(default_factory=now)
    updated_at: datetime = Field(default_factory=now)


class AuthorizationRequestRow(SQLModel, table=True):
    """A re-auth that was begun: what the callback must find again."""

    __tablename__ = "authorization_request"
    __table_args__ = (Index("authorization_request_alias", "alias"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    state_hash: str = Field(sa_type=Text, repr=False, unique=True)
    alias: str = Field(sa_type=Text)
    code_verifier: str = Field(sa_type=Text, repr=False)
    redirect_uri: str = Field(sa_type=Text)
    requested_by: str = Field(sa_type=Text)
    renewing_all: bool = False
    #: *Renew all due* goes on with the grants that end before then; None: within 48 hours.
    renewing_until: datetime | None = None
    #: Only with senders of this project; None for all.
    renewing_project: str | None = Field(default=None, sa_type=Text)
    #: When *Renew all due* was begun: who has been re-authorised since is not asked again.
    renewing_since: datetime | None = None
    #: The ticket that it was begun with, or None.
    ticket_id: int | None = None
    #: How many refused ones it follows, each begun again by its own page.
    retries: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    created_at: datetime = Field(default_factory=now)
    expires_at: datetime
    consumed_at: datetime | None = None
    outcome: AuthorizationOutcome = Field(
        default=AuthorizationOutcome.WAITING,
        sa_type=_text_of(AuthorizationOutcome, "authorization_outcome"),
    )
    refusal_code: str | None = Field(default=None, sa_type=Text)
    refusal_text: str | None = Field(default=None, sa_type=Text)


class ReauthTicketRow(SQLModel, table=True):
    """A link that an alert carries, or that is handed to a mailbox's owner."""

    __tablename__ = "reauth_ticket"
    __table_args__ = (Index("reauth_ticket_alias", "alias"),)

    id: int | None = Field(default=None, primary_key=True)
    ticket_hash: str = Field(sa_type=Text, repr=False, unique=True)
    alias: str = Field(sa_type=Text)
    issued_by: str = Field(sa_type=Text)
    created_at: datetime = Field(default_factory=now)
    expires_at: datetime
    used_at: datetime | None = None


class RefreshLeaseRow(SQLModel, table=True):
    """Who is renewing a sender's access right now, so that nobody else does.

    The id 0 is that of the deployment's client, while Google refuses it: whose turn it is to try.
    """

    __tablename__ = "refresh_lease"

    sender_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    holder: UUID
    #: By Postgres' clock. After that the holder counts as dead.
    leased_until: datetime


class DeliveryRow(SQLModel, table=True):
    """One message that anyone asked to send."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index("delivery_idempotency", "alias", "idempotency_key", unique=True),
        Index("delivery_alias_created", "alias", text("created_at DESC")),
        Index("delivery_created", text("created_at DESC")),
        Index(
            "delivery_open",
            "status",
            "alias",
            postgresql_where=text("status IN ('queued', 'sending', 'unknown')"),
        ),
        # What a claim reads. It knows only what waits, however long the history is.
        Index(
            "delivery_queue",
            "alias",
            "send_at",
            "created_at",
            postgresql_where=text("status = 'queued' AND held_by IS NULL"),
        ),
        # A sender's queue sends one message at a time, whoever drains it.
        Index(
            "delivery_one_at_a_time",
            "alias",
            unique=True,
            postgresql_where=text("status = 'sending' AND claimed_by IS NOT NULL"),
        ),
        Index(
            "delivery_expiring",
            "expires_at",
            postgresql_where=text("status = 'queued' AND expires_at IS NOT NULL"),
        ),
        # What a claim for another sender reads.
        Index(
            "delivery_fallback",
            "alias",
            "send_at",
            "created_at",
            postgresql_where=text("status = 'queued' AND held_by IS NULL AND allow_fallback"),
        ),
        Index(
            "delivery_sent_through",
            "sent_through",
            "sent_at",
            postgresql_where=text("status = 'sent' AND sent_through IS NOT NULL"),
        ),
        Index("delivery_sent", "alias", "sent_at", postgresql_where=text("status = 'sent'")),
        # What has lapsed lately, for its alert.
        Index("delivery_lapsed", "updated_at", postgresql_where=text("status = 'lapsed'")),
        Index(
            "delivery_kept_body",
            "updated_at",
            postgresql_where=text("body IS NOT NULL AND status NOT IN ('queued', 'sending')"),
        ),
        CheckConstraint(
            "status IN ('queued', 'sending', 'sent', 'failed', 'unknown', 'lapsed', 'discarded')",
            name="delivery_status",
        ),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    alias: str = Field(sa_type=Text)
    recipients: list[str] = Field(sa_type=ARRAY(Text))
    subject: str = Field(sa_type=Text)
    message_id: str = Field(sa_type=Text)
    gmail_id: str | None = Field(default=None, sa_type=Text)
    thread_id: str | None = Field(default=None, sa_type=Text)
    #: Never *held*: that is what a person sees of a queued one whose sender cannot send.
    status: DeliveryStatus = Field(
        sa_type=_text_of(DeliveryStatus, "delivery_status", checked=False)
    )
    attempts: int = 0
    error_code: str | None = Field(default=None, sa_type=Text)
    error_text: str | None = Field(default=None, sa_type=Text)
    idempotency_key: str | None = Field(default=None, sa_type=Text)
    #: What the caller wants shown beside the sender's address; None for the sender's own name.
    from_name: str | None = Field(default=None, sa_type=Text)
    #: The RFC 5322 message, only while it may still have to be sent.
    body: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
    #: Until when the process that is sending may still be at it.
    leased_until: datetime | None = None
    created_at: datetime = Field(default_factory=now)
    updated_at: datetime = Field(default_factory=now)
    sent_at: datetime | None = None
    expires_at: datetime | None = None
    #: Not before then, and in this order; None where it was never queued.
    send_at: datetime | None = None
    #: What is done with it where nobody can tell whether Gmail has it.
    if_unknown: IfUnknown = Field(
        default=IfUnknown.ASK,
        sa_type=_text_of(IfUnknown, "delivery_if_unknown"),
        sa_column_kwargs={"server_default": IfUnknown.ASK.value},
    )
    #: The worker that is sending it from the queue.
    claimed_by: str | None = Field(default=None, sa_type=Text)
    #: Since when it is tried in vain, time in which its sender could not send left out.
    tried_since: datetime | None = None
    #: Who holds this one back, or None.
    held_by: str | None = Field(default=None, sa_type=Text)
    #: Whether it may go out through its sender's fallback, and through whom it last was tried, if
    #: that was not its own sender.
    allow_fallback: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    sent_through: str | None = Field(default=None, sa_type=Text)


class DraftRow(SQLModel, table=True):
    """A draft that may be in a mailbox: an attempt to send a message, or what is left of one."""

    __tablename__ = "draft"
    __table_args__ = (Index("draft_delivery", "delivery_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    delivery_id: UUID
    #: The sender in whose mailbox it is.
    alias: str = Field(sa_type=Text)
    message_id: str = Field(sa_type=Text)
    #: Gmail's id of it; None until that is known. Only then is the draft sent.
    draft_id: str | None = Field(default=None, sa_type=Text)
    #: Whether there may be another one, as the answer that told its id was lost.
    unnamed: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    #: As in the delivery while this attempt is the one that speaks for it.
    leased_until: datetime | None = None
    created_at: datetime
    #: When a worker looks at it, by Postgres' clock: not for as long as an attempt goes on.
    next_look_at: datetime


class SenderEventRow(SQLModel, table=True):
    """The audit trail. It outlives its sender."""

    __tablename__ = "sender_event"
    __table_args__ = (Index("sender_event_alias_at", "alias", text("at DESC")),)

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(default_factory=now)
    alias: str = Field(sa_type=Text)
    what: str = Field(sa_type=Text)
    who: str = Field(sa_type=Text)
    detail: str | None = Field(default=None, sa_type=Text)


class DeploymentRow(SQLModel, table=True):
    """The one row of what is stored for all senders, and for the admin page."""

    __tablename__ = "deployment"
    __table_args__ = (CheckConstraint("id = 1", name="deployment_is_one_row"),)

    id: int = Field(default=1, primary_key=True)
    credentials_json: str | None = Field(default=None, sa_type=Text, repr=False)
    #: What the admin page's cookies and its start-up link come from.
    page_key: str | None = Field(default=None, sa_type=Text, repr=False)
    updated_at: datetime = Field(default_factory=now)
    updated_by: str = Field(sa_type=Text)
    #: Since when nothing is opened that is not sealed; see `mailcore.store.key_rotation`.
    all_sealed_at: datetime | None = None


class EndedLoginRow(SQLModel, table=True):
    """A login to the admin page that no longer counts, though its cookie would."""

    __tablename__ = "ended_login"

    id: str = Field(sa_type=Text, primary_key=True)
    #: When the cookie is too old anyway.
    forget_at: datetime


class AlertRow(SQLModel, table=True):
    """Something that somebody should be told."""

    __tablename__ = "alert"
    __table_args__ = (
        # At most one of them is open, however many look and find the same.
        Index(
            "alert_open",
            "kind",
            "subject",
            "generation",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("alert_alias", "alias", text("raised_at DESC")),
        Index("alert_raised", text("raised_at DESC")),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    kind: AlertKind = Field(sa_type=_text_of(AlertKind, "alert_kind"))
    #: What it is about: a sender's alias, or the code of a problem and whose client has it.
    subject: str = Field(sa_type=Text)
    #: The sender; of a problem that many have, one that has it.
    alias: str = Field(sa_type=Text)
    project: str | None = Field(default=None, sa_type=Text)
    #: Of the grant that it is about.
    generation: int = 0
    detail: str | None = Field(default=None, sa_type=Text)
    raised_at: datetime = Field(default_factory=now)
    #: Since when it is no longer true.
    closed_at: datetime | None = None


class AlertChannelRow(SQLModel, table=True):
    """Where alerts go, from PALEMAIL_ALERT_URLS or from the Setup page."""

    __tablename__ = "alert_channel"

    id: int | None = Field(default=None, primary_key=True)
    #: A keyed hash of its URL, so that the same one is known again.
    fingerprint: str = Field(sa_type=Text, unique=True)
    #: Its URL without what is secret in it.
    label: str = Field(sa_type=Text)
    #: Its URL; None where it is in the workers' environment.
    url: str | None = Field(default=None, sa_type=Text, repr=False)
    urgent_only: bool = False
    #: Of this project only; None for all.
    project: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(default_factory=now)
    created_by: str = Field(sa_type=Text)
    #: When a worker last had it in its environment; None where it is from the Setup page.
    seen_at: datetime | None = None
    removed_at: datetime | None = None
    #: How often it has failed in a row, since when, why, and when it is tried again.
    failures: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    failing_since: datetime | None = None
    error_text: str | None = Field(default=None, sa_type=Text)
    next_try_at: datetime | None = None
    last_sent_at: datetime | None = None


class AlertNoticeRow(SQLModel, table=True):
    """An alert on its way to one channel: that it is true, or that it no longer is."""

    __tablename__ = "alert_notice"
    __table_args__ = (
        Index("alert_notice_once", "alert_id", "channel_id", "kind", unique=True),
        Index(
            "alert_notice_open",
            "channel_id",
            "due_at",
            postgresql_where=text("status IN ('waiting', 'sending')"),
        ),
        Index(
            "alert_notice_sent", "channel_id", "sent_at", postgresql_where=text("status = 'sent'")
        ),
        Index("alert_notice_batch", "batch"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    alert_id: int = Field(sa_type=BigInteger, foreign_key="alert.id", ondelete="CASCADE")
    channel_id: int = Field(foreign_key="alert_channel.id", ondelete="CASCADE")
    kind: NoticeKind = Field(sa_type=_text_of(NoticeKind, "alert_notice_kind"))
    status: NoticeStatus = Field(
        default=NoticeStatus.WAITING, sa_type=_text_of(NoticeStatus, "alert_notice_status")
    )
    #: Not before then: what is due soon after goes out with it.
    due_at: datetime
    #: The message that it is part of: the same one whenever that is tried again.
    batch: UUID | None = None
    attempts: int = 0
    leased_until: datetime | None = None
    sent_at: datetime | None = None
    created_at: datetime = Field(default_factory=now)

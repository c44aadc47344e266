"""What `send_email` takes besides the sender."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Required, TypedDict

from mailcore.message.compose import Addresses, AttachmentLike


class ContentArguments(TypedDict, total=False):
    """What a message says, and to whom. Explained at `mailcore.Mailcore.send_email`."""

    to: Addresses | None
    subject: Required[str]
    text: str | None
    html: str | None
    cc: Addresses | None
    bcc: Addresses | None
    reply_to: Addresses | None
    from_address: str | None
    from_name: str | None
    headers: Mapping[str, str] | None
    in_reply_to: str | None
    references: Sequence[str] | str | None
    attachments: Sequence[AttachmentLike]
    inline: Mapping[str, AttachmentLike] | None


class SendArguments(ContentArguments, total=False):
    """The content, and how it is sent."""

    thread_id: str | None
    idempotency_key: str | None
    if_unknown: str
    timeout: float


class QueueOptions(TypedDict, total=False):
    """How a message is queued. Explained at `mailcore.Mailcore.queue_email`."""

    thread_id: str | None
    idempotency_key: str | None
    send_at: datetime | None
    expires_at: datetime | None
    if_unknown: str
    allow_fallback: bool


class QueueArguments(ContentArguments, QueueOptions, total=False):
    """The content, and how it is queued."""

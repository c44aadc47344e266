"""What the JSON API accepts and returns about messages: see `callback.schemas`."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StrictBool,
    WithJsonSchema,
)

from callback.schemas import DEFAULT_LIMIT, MAX_LIMIT, Count, Strict, Text, storable
from mailcore import Delivery, DeliveryStatus, IfUnknown


def _all_storable(value: str | list[str]) -> str | list[str]:
    for text in [value] if isinstance(value, str) else value:
        storable(text)
    return value


Addresses = Annotated[str | list[str], AfterValidator(_all_storable)]


def _octets(value: object) -> object:
    """Take bytes: they come decoded from `callback.streamed_json`. Text would not be Base64."""
    if not isinstance(value, bytes):
        raise ValueError("must be Base64 text")  # noqa: TRY004 - what pydantic wants
    return value


Content = Annotated[
    bytes,
    BeforeValidator(_octets),
    WithJsonSchema({"type": "string", "contentEncoding": "base64"}),
]


#: Seconds that `wait` may say.
MAX_WAIT = 300


class File(Strict):
    """A file that travels with a message."""

    filename: Text = Field(description="What the recipient sees.", examples=["report.pdf"])
    content: Content = Field(description="Its bytes, as Base64 (RFC 4648 section 4).")
    content_type: Text | None = Field(
        default=None,
        description="Its media type; if left out, it is guessed by the name.",
        examples=["text/csv; charset=utf-8"],
    )


_ADDRESSES = "Addresses, as text separated by commas or as a list, with or without names."


class NewMessage(Strict):
    """A message to send."""

    to: Addresses | None = Field(
        default=None, description=_ADDRESSES, examples=["Ann <ann@example.com>"]
    )
    cc: Addresses | None = Field(default=None, description=_ADDRESSES)
    bcc: Addresses | None = Field(
        default=None, description=f"{_ADDRESSES} The other recipients don't see them."
    )
    reply_to: Addresses | None = Field(default=None, description=_ADDRESSES)
    subject: Text = Field(description="One line.", examples=["Disk is full"])
    text: Text | None = Field(
        default=None,
        description="The plain-text body. A message needs a text, an HTML body, or both.",
        examples=["df says 100 %."],
    )
    html: Text | None = Field(default=None, description="The HTML body.")
    from_address: Text | None = Field(
        default=None,
        description="One of the addresses that the sender may send as; by default its account.",
    )
    from_name: Text | None = Field(
        default=None,
        description="The name shown next to the sender's address; by default the sender's own.",
    )
    headers: dict[Text, Text] | None = Field(
        default=None, description="Further headers, by their names."
    )
    in_reply_to: Text | None = Field(default=None, description="The Message-ID that it replies to.")
    references: list[Text] | Text | None = Field(
        default=None, description="The Message-IDs of the thread so far."
    )
    thread_id: Text | None = Field(
        default=None, description="Gmail's ID of the thread to add it to."
    )
    attachments: list[File] = Field(
        default=[], description="Files; with the inline ones 25 MB in all."
    )
    inline: dict[Text, File] | None = Field(
        default=None, description='Images by their content IDs, for `<img src="cid:…">`.'
    )
    send_at: AwareDatetime | None = Field(
        default=None, description="The earliest time to send it. Not together with `wait`."
    )
    expires_at: AwareDatetime | None = Field(
        default=None, description="The latest time to send it. Not together with `wait`."
    )
    if_unknown: IfUnknown = Field(
        default=IfUnknown.ASK,
        description="What to do if it is unclear whether Gmail accepted it: `ask` leaves it to a "
        "person, so that it is never sent twice; `resend` sends it again.",
    )
    allow_fallback: StrictBool = Field(
        default=False,
        description="Whether it may go out through its sender's fallback if that can't send for "
        "a while. Not together with `wait`.",
    )


class SendingQuery(Strict):
    """The query of ``POST /senders/{alias}/messages``."""

    wait: Count | None = Field(
        default=None,
        ge=1,
        le=MAX_WAIT,
        description="Send it now, and answer once Gmail has accepted it; for this many seconds "
        "at most. If left out, it is queued.",
    )


class DeliveryQuery(Strict):
    """The query of ``GET /deliveries``."""

    alias: Text | None = Field(default=None, description="Only this sender's.")
    status: DeliveryStatus | None = Field(default=None, description="Only those.")
    since: AwareDatetime | None = Field(
        default=None, description="Only those asked for since this moment."
    )
    search: Text = Field(
        default="", description="Part of a subject, a recipient or an idempotency key."
    )
    cursor: Text | None = Field(
        default=None, description="`next` of the page before; if left out, the newest come first."
    )
    limit: Count = Field(
        default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Return at most this many."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryList:
    """One page of deliveries.

    Attributes:
        deliveries: the newest first.
        next: the cursor of the page that follows, or null.
    """

    deliveries: tuple[Delivery, ...]
    next: str | None

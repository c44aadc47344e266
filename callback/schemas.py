"""What the JSON API accepts and returns, as types: each is declared here and nowhere else.

The handlers use them, and `callback.openapi` describes them.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    WithJsonSchema,
)
from pydantic.config import JsonDict

from mailcore import (
    ALIAS_PATTERN,
    RESERVED_ALIASES,
    Delivery,
    DeliveryStatus,
    IfUnknown,
    Sender,
    StatusFilter,
)

#: How many senders one response lists, by default and at most.
DEFAULT_LIMIT = 100
MAX_LIMIT = 200
#: Postgres counts no further in an OFFSET that it plans well; nobody pages so far.
MAX_OFFSET = 1_000_000_000


def _storable(text: str) -> str:
    """Postgres stores no NUL; half of a surrogate pair is refused by pydantic."""
    if "\0" in text:
        raise ValueError("must not contain a NUL character")
    return text


def _all_storable(value: str | list[str]) -> str | list[str]:
    for text in [value] if isinstance(value, str) else value:
        _storable(text)
    return value


def _flag(value: object) -> object:
    """Take what JSON calls a boolean, and none of the other words that pydantic knows."""
    if isinstance(value, str) and value not in {"true", "false"}:
        raise ValueError("must be true or false")
    return value


def _digits(value: object) -> object:
    """Refuse what `int` accepts but nobody means in a URL: signs, spaces, underscores."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,10}", value):
        raise ValueError("must be a whole number")
    return value


Text = Annotated[str, AfterValidator(_storable)]
#: Its rules are described here and checked by mailcore, whose errors explain them.
ALIAS_SCHEMA: JsonDict = {
    "type": "string",
    "pattern": f"^{ALIAS_PATTERN.pattern}$",
    "not": {"enum": [*sorted(RESERVED_ALIASES)]},
}
Line = Annotated[Text, Field(json_schema_extra={"maxLength": 200})]
Count = Annotated[int, BeforeValidator(_digits)]
Flag = Annotated[bool, BeforeValidator(_flag)]


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


class _Strict(BaseModel):
    """Refuses a misspelled name: if it were ignored, the call would do something else."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SenderQuery(_Strict):
    """The query of ``GET /senders``."""

    search: Text = Field(
        default="", description="Part of an alias, account, display name or project."
    )
    status: StatusFilter | None = Field(
        default=None,
        description=(
            "One status; or `expiring`: healthy, but the grant ends within 48 hours; or `due`: "
            "expiring or expired."
        ),
    )
    offset: Count = Field(default=0, ge=0, le=MAX_OFFSET, description="Skip this many.")
    limit: Count = Field(
        default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Return at most this many."
    )


class DeletionQuery(_Strict):
    """The query of ``DELETE /senders/{alias}``."""

    keep_grant: Flag = Field(
        default=False,
        description="Leave the grant alive at Google, for another program that uses it.",
    )


class NewSender(_Strict):
    """A sender to register."""

    alias: Text = Field(
        description="The name that jobs use.", examples=["alerts"], json_schema_extra=ALIAS_SCHEMA
    )
    gmail_account: Annotated[Text, Field(json_schema_extra={"format": "email"})] | None = Field(
        default=None,
        description="The mailbox; if left out, the first account that consents becomes it.",
        examples=["alerts@example.com"],
    )
    display_name: Line | None = Field(
        default=None,
        description="The name that recipients see. One line of text.",
        examples=["Example Alerts"],
    )
    project: Line | None = Field(
        default=None,
        description="The project that the sender belongs to. One line of text.",
        examples=["billing"],
    )
    credentials_json: (
        Annotated[Text, Field(json_schema_extra={"contentMediaType": "application/json"})] | None
    ) = Field(
        default=None,
        description="The sender's own OAuth client: the content of the JSON file from Google's "
        "console.",
    )


#: Seconds that `wait` may say.
MAX_WAIT = 300


class File(_Strict):
    """A file that travels with a message."""

    filename: Text = Field(description="What the recipient sees.", examples=["report.pdf"])
    content: Content = Field(description="Its bytes, as Base64 (RFC 4648 section 4).")
    content_type: Text | None = Field(
        default=None,
        description="Its media type; if left out, it is guessed by the name.",
        examples=["text/csv; charset=utf-8"],
    )


_ADDRESSES = "Addresses, as text separated by commas or as a list, with or without names."


class NewMessage(_Strict):
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


class SendingQuery(_Strict):
    """The query of ``POST /senders/{alias}/messages``."""

    wait: Count | None = Field(
        default=None,
        ge=1,
        le=MAX_WAIT,
        description="Send it now, and answer once Gmail has accepted it; for this many seconds "
        "at most. If left out, it is queued.",
    )


class DeliveryQuery(_Strict):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderList:
    """One page of senders.

    Attributes:
        senders: those that need attention first.
        total: how many match in all.
    """

    senders: tuple[Sender, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationLink:
    """A link to Google's consent page. Anyone who opens it can consent for the sender, once.

    Attributes:
        authorization_id: identifies the re-auth; not a secret.
        authorization_url: the link.
        expires_at: when it stops working.
    """

    authorization_id: str
    authorization_url: Annotated[str, Field(json_schema_extra={"format": "uri"})]
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """All is well."""

    status: Literal["ok"] = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a request was not carried out (RFC 9457).

    Attributes:
        type: a URI for this kind of problem.
        title: the kind of problem, in a few words.
        status: the HTTP status.
        detail: what is wrong this time.
        code: a stable machine-readable name.
        remedy: what to do about it.
        field: the member or parameter at fault.
        delivery_id: the message that it is about.
    """

    type: Annotated[str, Field(json_schema_extra={"format": "uri"})]
    title: str
    status: int
    detail: str
    code: str
    remedy: str | None = None
    field: str | None = None
    delivery_id: str | None = None

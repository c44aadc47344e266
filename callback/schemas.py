"""What the JSON API accepts and returns, as types: each is declared here and nowhere else.

The handlers use them, and `callback.openapi` describes them.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)
from pydantic.config import JsonDict

from mailcore import (
    ALIAS_PATTERN,
    RESERVED_ALIASES,
    Sender,
    StatusFilter,
)

#: How many senders one response lists, by default and at most.
DEFAULT_LIMIT = 100
MAX_LIMIT = 200
#: Postgres counts no further in an OFFSET that it plans well; nobody pages so far.
MAX_OFFSET = 1_000_000_000


def storable(text: str) -> str:
    """Postgres stores no NUL; half of a surrogate pair is refused by pydantic."""
    if "\0" in text:
        raise ValueError("must not contain a NUL character")
    return text


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


Text = Annotated[str, AfterValidator(storable)]
#: Its rules are described here and checked by mailcore, whose errors explain them.
ALIAS_SCHEMA: JsonDict = {
    "type": "string",
    "pattern": f"^{ALIAS_PATTERN.pattern}$",
    "not": {"enum": [*sorted(RESERVED_ALIASES)]},
}
Line = Annotated[Text, Field(json_schema_extra={"maxLength": 200})]
Count = Annotated[int, BeforeValidator(_digits)]
Flag = Annotated[bool, BeforeValidator(_flag)]


class Strict(BaseModel):
    """Refuses a misspelled name: if it were ignored, the call would do something else."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SenderQuery(Strict):
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


class DeletionQuery(Strict):
    """The query of ``DELETE /senders/{alias}``."""

    keep_grant: Flag = Field(
        default=False,
        description="Leave the grant alive at Google, for another program that uses it.",
    )


class NewSender(Strict):
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

"""Reading a posted message out of a request, as strictly as Gmail and a bit more.

Source: https://developers.google.com/workspace/gmail/api/guides/uploads
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email import errors, policy
from email.message import Message
from email.parser import BytesParser, Parser
from functools import lru_cache
from typing import Any

from mailcore.sandbox.responses import invalid_argument

#: Headers that a message may carry only once (RFC 5322, section 3.6).
_ONCE = frozenset(
    ["from", "to", "cc", "bcc", "reply-to", "subject", "message-id", "in-reply-to", "date"]
)

_BLANK_LINE = re.compile(rb"(?:\A|\r?\n)\r?\n")

_NO_MESSAGE = "'raw' RFC822 payload message string or uploading message via /upload/* URL required"


@dataclass(frozen=True)
class Posted:
    """A message as it was posted, and the thread that it is to join."""

    raw: bytes
    thread_id: str | None


def read_json(body: bytes) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        Refusal: 400, the body is not one.
    """
    try:
        value = json.loads(body)
    except ValueError as exc:
        raise invalid_argument("Invalid JSON payload received.") from exc
    if not isinstance(value, dict):
        raise invalid_argument("Invalid JSON payload received.")
    return value


def read_thread_id(metadata: dict[str, Any]) -> str | None:
    """Return the conversation that a message is to join, if any."""
    thread_id = metadata.get("threadId")
    if thread_id is not None and not isinstance(thread_id, str):
        raise invalid_argument("Invalid thread_id value")
    return thread_id


def from_json(body: bytes, inside: str | None = None) -> Posted:
    """Read a message that is base64url text in JSON.

    Args:
        body: the JSON.
        inside: the field that holds the message, if it is not the whole.
    """
    metadata = _message_in(read_json(body), inside)
    encoded = metadata.get("raw")
    if not isinstance(encoded, str) or not encoded:
        raise invalid_argument(_NO_MESSAGE)
    padding = "=" * (-len(encoded) % 4)
    try:
        raw = base64.b64decode(encoded + padding, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as exc:
        raise invalid_argument("Invalid value at 'message.raw': not web-safe base64") from exc
    return from_upload(raw, read_thread_id(metadata))


def _message_in(document: dict[str, Any], inside: str | None) -> dict[str, Any]:
    message = document if inside is None else document.get(inside, {})
    if not isinstance(message, dict):
        raise invalid_argument("Invalid JSON payload received.")
    return message


def from_multipart(content_type: str, body: bytes, inside: str | None = None) -> Posted:
    """Read ``multipart/related``: JSON, then the message (RFC 2387).

    Done by hand: the email library would rewrite the message's bytes.
    """
    header = Parser(policy=policy.HTTP).parsestr(f"Content-Type: {content_type}\n\n")
    boundary = header.get_boundary()
    if header.get_content_type() != "multipart/related" or not boundary:
        raise invalid_argument("A multipart upload must be multipart/related")
    marker = rb"(?:\A|\r?\n)--" + re.escape(boundary.encode()) + rb"(?:--)?[ \t]*(?:\r?\n|\Z)"
    parts = re.split(marker, body)[1:-1]
    if len(parts) != 2:  # noqa: PLR2004 - the JSON and the message
        raise invalid_argument("A multipart upload must have two parts")
    (_, metadata), (kind, raw) = (_split_part(part) for part in parts)
    if kind != "message/rfc822":
        raise invalid_argument("Media type must be message/rfc822")
    return from_upload(raw, read_thread_id(_message_in(read_json(metadata), inside)))


def _split_part(part: bytes) -> tuple[str, bytes]:
    blank_line = _BLANK_LINE.search(part)
    if blank_line is None:
        raise invalid_argument("A part of the multipart upload has no body")
    head, content = part[: blank_line.start()], part[blank_line.end() :]
    headers = Parser(policy=policy.HTTP).parsestr(head.decode("ascii", "replace"))
    return headers.get_content_type(), content


def from_upload(raw: bytes, thread_id: str | None) -> Posted:
    """Take a message as it is.

    Raises:
        Refusal: 400, Gmail could not use it.
    """
    if not raw:
        raise invalid_argument(_NO_MESSAGE)
    # The old policy parses the structure alike, and no header before it is asked for.
    _check(BytesParser(policy=policy.compat32).parsebytes(raw))
    return Posted(raw, thread_id)


def _check(message: Message) -> None:
    """Refuse what Gmail refuses, and broken MIME too, which Gmail would only fix silently.

    Raises:
        Refusal: 400 invalidArgument.
    """
    headers: dict[str, str] = {}
    for name, value in message.raw_items():
        if name.lower() in _ONCE and name.lower() in headers:
            raise invalid_argument(f"Duplicate {name} header")
        headers[name.lower()] = value
    if not [name for name in ("To", "Cc", "Bcc") if _has_addresses(headers, name)]:
        raise invalid_argument("Recipient address required")
    if "from" in headers and not _has_addresses(headers, "From"):
        raise invalid_argument("Invalid From header")
    for part in message.walk():
        if part.defects:
            raise invalid_argument(f"Invalid MIME structure: {type(part.defects[0]).__name__}")


def _has_addresses(headers: Mapping[str, str], name: str) -> bool:
    if name.lower() not in headers:
        return False
    header = _parse_header(name, headers[name.lower()])
    broken = any(isinstance(each, errors.InvalidHeaderDefect) for each in header.defects)
    if broken or not all(address.domain for address in header.addresses):
        raise invalid_argument(f"Invalid {name} header")
    return bool(header.addresses)


# Parsing an address costs more than all else about a short mail, and load tests repeat them.
@lru_cache(maxsize=1000)
def _parse_header(name: str, value: str) -> Any:
    return policy.SMTP.header_fetch_parse(name, value)

"""Gmail's ``messages.send`` in all its forms, and ``getProfile``.

Source: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/send
and https://developers.google.com/workspace/gmail/api/guides/uploads
"""

import asyncio
import base64
import binascii
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email import errors, policy
from email.message import Message
from email.parser import BytesParser, Parser
from functools import lru_cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mailcore.sandbox import scopes
from mailcore.sandbox.answers import (
    NO_STORE,
    Refusal,
    gmail_error,
    insufficient_scope,
    invalid_argument,
    json_answer,
)
from mailcore.sandbox.state import Account, State
from mailcore.sandbox.tokens import bearer_token
from mailcore.sandbox.traffic import Traffic

#: Beyond this many bytes a body is read in another thread, so that others need not wait.
_LARGE = 256 * 1024

#: Headers that a message may carry only once (RFC 5322, section 3.6).
_ONCE = frozenset(
    ["from", "to", "cc", "bcc", "reply-to", "subject", "message-id", "in-reply-to", "date"]
)

_BLANK_LINE = re.compile(rb"(?:\A|\r?\n)\r?\n")

_NO_MESSAGE = "'raw' RFC822 payload message string or uploading message via /upload/* URL required"


@dataclass(frozen=True)
class _Posted:
    """A message as it was posted, and the thread that it is to join."""

    raw: bytes
    thread_id: str | None


@dataclass
class _Upload:
    """A resumable upload under way."""

    thread_id: str | None
    received: bytearray = field(default_factory=bytearray)


class GmailEndpoints:
    """The mailbox as its API shows it.

    Args:
        state: what is true in the sandbox.
        traffic: what every send has to pass.
        origin: the sandbox's own address, for the links that it gives out.
    """

    def __init__(self, state: State, traffic: Traffic, origin: str) -> None:
        self._state = state
        self._traffic = traffic
        self._origin = origin
        self._uploads: dict[str, _Upload] = {}

    async def send(self, request: Request) -> Response:
        """Answer a send whose message is base64url text in JSON."""
        body = await request.body()
        return await self._take(request, len(body), lambda: _from_json(body))

    async def upload(self, request: Request) -> Response:
        """Answer a send whose message is uploaded as it is."""
        body = await request.body()
        match request.query_params.get("uploadType"):
            case "media":
                return await self._take(request, len(body), lambda: _posted(body, None))
            case "multipart":
                content_type = request.headers.get("content-type", "")
                return await self._take(
                    request, len(body), lambda: _from_multipart(content_type, body)
                )
            case "resumable" if request.method == "POST":
                return self._begin_upload(request, body)
            case "resumable":
                return await self._continue_upload(request, body)
            case _:
                return invalid_argument("Invalid uploadType").response()

    async def profile(self, request: Request) -> Response:
        """Answer ``getProfile``."""
        try:
            account = self._authorize(request, scopes.MAY_READ_PROFILE)
        except Refusal as exc:
            return exc.response()
        count = sum(message.account == account.email for message in self._state.outbox())
        return json_answer(
            {
                "emailAddress": account.email,
                "messagesTotal": count,
                "threadsTotal": count,
                "historyId": "1",
            },
            NO_STORE,
        )

    async def _take(self, request: Request, size: int, read: Callable[[], _Posted]) -> Response:
        async def work() -> Response:
            try:
                account = self._authorize(request, scopes.MAY_SEND)
                posted = await asyncio.to_thread(read) if size > _LARGE else read()
                message = self._state.deliver(account, posted.raw, posted.thread_id)
            except Refusal as exc:
                return exc.response()
            return json_answer(
                {"id": message.gmail_id, "threadId": message.thread_id, "labelIds": ["SENT"]},
                NO_STORE,
            )

        email = self._state.account_of_access_token(bearer_token(request))
        return await self._traffic.serve(request, "send", email, work)

    def _authorize(self, request: Request, enough: frozenset[str]) -> Account:
        grant = self._state.check_access_token(bearer_token(request))
        if enough.isdisjoint(grant.scopes):
            raise insufficient_scope()
        user = request.path_params["user"]
        if user != "me" and self._state.find_account(user) != grant.account:
            raise Refusal(403, gmail_error(403, f"Delegation denied for {user}", "forbidden"))
        return grant.account

    def _begin_upload(self, request: Request, body: bytes) -> Response:
        try:
            self._authorize(request, scopes.MAY_SEND)
            upload = _Upload(_thread_id(_json(body or b"{}")))
        except Refusal as exc:
            return exc.response()
        upload_id = secrets.token_urlsafe(24)
        self._uploads[upload_id] = upload
        location = f"{self._origin}{request.url.path}?uploadType=resumable&upload_id={upload_id}"
        return Response(status_code=200, headers={"Location": location})

    async def _continue_upload(self, request: Request, body: bytes) -> Response:
        upload_id = request.query_params.get("upload_id", "")
        upload = self._uploads.get(upload_id)
        if upload is None:
            body = gmail_error(404, "Requested entity was not found.", "notFound")
            return Refusal(404, body).response()
        upload.received += body
        received = len(upload.received)
        total = request.headers.get("content-range", "").rpartition("/")[2]
        if total == "*" or (total.isdigit() and received < int(total)):
            headers = {"Range": f"bytes=0-{received - 1}"} if received else {}
            return Response(status_code=308, headers=headers)
        del self._uploads[upload_id]
        raw = bytes(upload.received)
        return await self._take(request, received, lambda: _posted(raw, upload.thread_id))


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError as exc:
        raise invalid_argument("Invalid JSON payload received.") from exc
    if not isinstance(value, dict):
        raise invalid_argument("Invalid JSON payload received.")
    return value


def _thread_id(metadata: dict[str, Any]) -> str | None:
    thread_id = metadata.get("threadId")
    if thread_id is not None and not isinstance(thread_id, str):
        raise invalid_argument("Invalid thread_id value")
    return thread_id


def _from_json(body: bytes) -> _Posted:
    metadata = _json(body)
    encoded = metadata.get("raw")
    if not isinstance(encoded, str) or not encoded:
        raise invalid_argument(_NO_MESSAGE)
    padding = "=" * (-len(encoded) % 4)
    try:
        raw = base64.b64decode(encoded + padding, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as exc:
        raise invalid_argument("Invalid value at 'message.raw': not web-safe base64") from exc
    return _posted(raw, _thread_id(metadata))


def _from_multipart(content_type: str, body: bytes) -> _Posted:
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
    return _posted(raw, _thread_id(_json(metadata)))


def _split_part(part: bytes) -> tuple[str, bytes]:
    blank_line = _BLANK_LINE.search(part)
    if blank_line is None:
        raise invalid_argument("A part of the multipart upload has no body")
    head, content = part[: blank_line.start()], part[blank_line.end() :]
    headers = Parser(policy=policy.HTTP).parsestr(head.decode("ascii", "replace"))
    return headers.get_content_type(), content


def _posted(raw: bytes, thread_id: str | None) -> _Posted:
    if not raw:
        raise invalid_argument(_NO_MESSAGE)
    # The old policy parses the structure alike, and no header before it is asked for.
    _check(BytesParser(policy=policy.compat32).parsebytes(raw))
    return _Posted(raw, thread_id)


def _check(message: Message) -> None:
    """Refuse what Gmail refuses, and broken MIME too, which Gmail would only mend in silence.

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

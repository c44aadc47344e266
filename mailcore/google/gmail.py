"""Handing one message to Gmail, once."""

import base64
import io
import json
import secrets
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any

from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import get_static_doc
from googleapiclient.http import MediaIoBaseUpload

from mailcore.clock import Deadline
from mailcore.google.connection import Answer
from mailcore.google.failures import FailureKind, GoogleFailure, gmail_failure
from mailcore.google.transport import Transport

#: Above this many bytes a message goes through the upload endpoint.
UPLOAD_ABOVE = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Accepted:
    """Gmail has taken the message.

    Attributes:
        gmail_id: Gmail's id of it, or None where the answer was cut short.
        thread_id: Gmail's id of its thread, or None likewise.
    """

    gmail_id: str | None
    thread_id: str | None


class Gmail:
    """Gmail's `messages.send` for any number of senders and threads.

    Args:
        endpoint: the API's root address, Google's or a stand-in's.
        transport: the pooled connections.
    """

    def __init__(self, endpoint: str, transport: Transport) -> None:
        self._endpoint = endpoint.rstrip("/") + "/"
        self._transport = transport

    def send(
        self,
        raw: bytes,
        *,
        access_token: str,
        thread_id: str | None,
        deadline: Deadline,
        post_by: Deadline | None = None,
    ) -> Accepted:
        """POST a message once. Nothing is repeated, whatever happens.

        Args:
            raw: the RFC 5322 message.
            access_token: of the sender's grant.
            thread_id: Gmail's id of the thread to put it in, or None.
            deadline: when all of it ends, from connecting to the last byte of the answer.
            post_by: when the connection must stand; later, nothing is posted. None for the
                deadline.

        Raises:
            GoogleFailure: it was refused, did not arrive, or may have arrived.
        """
        request = self._request(raw, thread_id)
        request.headers["authorization"] = f"Bearer {access_token}"
        answer = self._transport.post(
            request.uri, request.body, request.headers, deadline=deadline, post_by=post_by
        )
        if answer.status != HTTPStatus.OK:
            raise gmail_failure(answer)
        return _accepted(answer)

    def _request(self, raw: bytes, thread_id: str | None) -> Any:
        metadata = {"threadId": thread_id} if thread_id else {}
        if len(raw) > UPLOAD_ABOVE:
            return self._upload(raw, metadata)
        encoded = base64.urlsafe_b64encode(raw).decode("ascii")
        return self._messages.send(userId="me", body={**metadata, "raw": encoded})

    def _upload(self, raw: bytes, metadata: dict[str, str]) -> Any:
        """Put the message in by hand: the client would copy a large one several times."""
        empty = MediaIoBaseUpload(io.BytesIO(), mimetype="message/rfc822")
        request = self._messages.send(userId="me", body=metadata or None, media_body=empty)
        request.body = raw
        if metadata:
            boundary = secrets.token_hex(16)
            request.headers["content-type"] = f'multipart/related; boundary="{boundary}"'
            request.body = _related(boundary, metadata, raw)
        request.body_size = len(request.body)
        return request

    @cached_property
    def _messages(self) -> Any:
        """The `messages` resource: building it is what costs in Google's client, so once."""
        document = json.loads(get_static_doc("gmail", "v1"))
        document["rootUrl"] = document["mtlsRootUrl"] = self._endpoint
        service = build_from_document(document, http=_NoHttp())
        return service.users().messages()


def _related(boundary: str, metadata: dict[str, str], raw: bytes) -> bytes:
    """Return a multipart upload (RFC 2387).

    https://developers.google.com/workspace/gmail/api/guides/uploads#multipart
    """
    head = (
        f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n"
        f"{json.dumps(metadata)}\r\n"
        f"--{boundary}\r\nContent-Type: message/rfc822\r\n\r\n"
    )
    return b"".join([head.encode("ascii"), raw, f"\r\n--{boundary}--\r\n".encode("ascii")])


def _accepted(answer: Answer) -> Accepted:
    """Read what Gmail says with a 200 (a message resource).

    Raises:
        GoogleFailure: of kind UNKNOWN: this is not Gmail's answer.
    """
    try:
        return _ids(json.loads(answer.body))
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        if _cut_short(answer):
            return Accepted(gmail_id=None, thread_id=None)
        raise GoogleFailure(
            FailureKind.UNKNOWN, "garbled_answer", "Gmail's answer could not be read"
        ) from exc


def _ids(message: Any) -> Accepted:
    # A thread takes the id of its first message, so an answer may leave it out.
    ids = message["id"], message.get("threadId", message["id"])
    if not all(isinstance(each, str) and each.isascii() for each in ids):
        raise ValueError("these are not ids of Gmail's")
    return Accepted(*ids)


def _cut_short(answer: Answer) -> bool:
    """Say whether this is JSON without its end: Gmail's, and its 200 counts all the same."""
    if not answer.headers.get("content-type", "").lower().startswith("application/json"):
        return False
    if not answer.whole:
        return True
    try:
        json.loads(answer.body)
    except ValueError:
        return answer.body.lstrip().startswith(b"{")
    return False


class _NoHttp:
    """Given to Google's client in place of httplib2: it builds requests here, and sends none."""

    def request(self, *_: object, **__: object) -> None:
        raise NotImplementedError("requests go through the transport")

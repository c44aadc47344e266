"""Handing one message to Gmail, once."""

import base64
import io
import json
import secrets
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import get_static_doc
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseUpload

from mailcore.google.failures import FailureKind, GoogleFailure, gmail_failure
from mailcore.google.transport import BoundedHttp, Transport

#: Above this many bytes a message goes through the upload endpoint.
UPLOAD_ABOVE = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Accepted:
    """Gmail has taken the message."""

    gmail_id: str
    thread_id: str


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
        self, raw: bytes, *, access_token: str, thread_id: str | None, timeout: float
    ) -> Accepted:
        """POST a message once. Nothing is repeated, whatever happens.

        Args:
            raw: the RFC 5322 message.
            access_token: of the sender's grant.
            thread_id: Gmail's id of the thread to put it in, or None.
            timeout: seconds to wait for the answer.

        Raises:
            GoogleFailure: it was refused, did not arrive, or may have arrived.
        """
        request = self._request(raw, thread_id)
        request.headers["authorization"] = f"Bearer {access_token}"
        try:
            return _accepted(
                request.execute(http=BoundedHttp(self._transport, timeout), num_retries=0)
            )
        except HttpError as exc:
            raise gmail_failure(exc.status_code, exc.resp, exc.content) from exc
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            # A success whose body is cut short or no message resource: taken, most likely.
            raise GoogleFailure(
                FailureKind.UNKNOWN, "garbled_answer", "Gmail's answer could not be read"
            ) from exc

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
        service = build_from_document(document, http=BoundedHttp(self._transport, 0))
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


def _accepted(answer: Any) -> Accepted:
    """Read a message resource.

    Raises:
        AttributeError, KeyError, TypeError: it is none.
    """
    # A thread takes the id of its first message, so an answer may leave it out.
    accepted = Accepted(answer["id"], answer.get("threadId", answer["id"]))
    if not (isinstance(accepted.gmail_id, str) and isinstance(accepted.thread_id, str)):
        raise TypeError("the ids are no text")
    if not (accepted.gmail_id + accepted.thread_id).isascii():
        raise ValueError("the ids are none of Gmail's")
    return accepted

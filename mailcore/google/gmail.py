"""Handing one message to Gmail, once."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from mailcore.clock import Deadline
from mailcore.google.connection import Answer
from mailcore.google.failures import FailureKind, GoogleFailure, gmail_failure
from mailcore.google.gmail_requests import GmailRequests
from mailcore.google.transport import Transport


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
        requests: their form.
        transport: the pooled connections.
    """

    def __init__(self, requests: GmailRequests, transport: Transport) -> None:
        self._requests = requests
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
            post_by: when the connection must be established; later, nothing is posted. None
                means the deadline.

        Raises:
            GoogleFailure: it was refused, did not arrive, or may have arrived.
        """
        request = self._requests.send(raw, thread_id)
        headers = request.headers(access_token)
        return accepted(
            self._transport.request(
                "POST", request.uri, request.body, headers, deadline=deadline, post_by=post_by
            )
        )


def accepted(answer: Answer) -> Accepted:
    """Read what Gmail says of a message or a draft that was to be sent (a message resource).

    Raises:
        GoogleFailure: it is no 200; or of kind UNKNOWN: this is not Gmail's answer.
    """
    if answer.status != HTTPStatus.OK:
        raise gmail_failure(answer)
    try:
        return _ids(answer.json())
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        if _cut_short(answer):
            return Accepted(gmail_id=None, thread_id=None)
        raise GoogleFailure(
            FailureKind.UNKNOWN, "garbled_answer", "Gmail's response could not be read"
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
        answer.json()
    except ValueError:
        return answer.body.lstrip().startswith(b"{")
    return False

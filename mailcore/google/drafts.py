"""Gmail's drafts: a message that can be looked for afterwards.

A draft keeps its id, and is gone once it is sent
(https://developers.google.com/workspace/gmail/api/guides/drafts). So whoever knows the id can find
out what became of it, though Gmail's answer was lost.
"""

from http import HTTPStatus
from typing import Any

from mailcore.clock import Deadline
from mailcore.google.connection import Answer
from mailcore.google.failures import FailureKind, GoogleFailure, gmail_failure
from mailcore.google.gmail import Accepted, accepted
from mailcore.google.gmail_requests import GmailRequests, HttpRequest
from mailcore.google.transport import Transport


class Drafts:
    """The drafts of any number of senders.

    Each method takes an access token with one of `google.scopes.DRAFT_SCOPES`, and a deadline for
    all of it, from connecting to the last byte of the answer.

    Args:
        requests: their form.
        transport: the pooled connections.
    """

    def __init__(self, requests: GmailRequests, transport: Transport) -> None:
        self._requests = requests
        self._transport = transport

    def create(
        self,
        raw: bytes,
        *,
        access_token: str,
        thread_id: str | None,
        deadline: Deadline,
        post_by: Deadline,
    ) -> str:
        """Make a draft, and return its id.

        Args:
            raw: the RFC 5322 message.
            access_token: of the sender's grant.
            thread_id: Gmail's id of the thread to put it in, or None.
            deadline: when all of it ends.
            post_by: when the connection must be established; later, nothing is posted.

        Raises:
            GoogleFailure: it was refused, or there was no clear answer. Nothing was sent, so it is
                never of kind UNKNOWN; but there may be a draft.
        """
        request = self._requests.create_draft(raw, thread_id)
        try:
            answer = self._ask("POST", request, access_token, deadline, post_by)
            if answer.status != HTTPStatus.OK:
                raise gmail_failure(answer)
        except GoogleFailure as failure:
            if failure.kind is not FailureKind.UNKNOWN:
                raise
            raise GoogleFailure(FailureKind.TEMPORARY, failure.reason, failure.text) from failure
        return _draft_id(_json(answer))

    def send(
        self, draft_id: str, *, access_token: str, deadline: Deadline, post_by: Deadline
    ) -> Accepted | None:
        """Send a draft, and return None if there is none with that id.

        Raises:
            GoogleFailure: it was refused, did not arrive, or may have been sent.
        """
        request = self._requests.send_draft(draft_id)
        answer = self._ask("POST", request, access_token, deadline, post_by)
        return None if _is_gone(answer) else accepted(answer)

    def exists(self, draft_id: str, *, access_token: str, deadline: Deadline) -> bool:
        """Say whether there still is a draft.

        Raises:
            GoogleFailure: Gmail did not say.
        """
        answer = self._ask("GET", self._requests.get_draft(draft_id), access_token, deadline)
        if _is_gone(answer):
            return False
        if answer.status != HTTPStatus.OK:
            raise gmail_failure(answer)
        if _draft_id(_json(answer)) != draft_id:
            raise _garbled()
        return True

    def delete(self, draft_id: str, *, access_token: str, deadline: Deadline) -> None:
        """Delete a draft, if there is one with that id.

        Raises:
            GoogleFailure: it was refused, or may not have been done.
        """
        answer = self._ask("DELETE", self._requests.delete_draft(draft_id), access_token, deadline)
        if answer.status not in {HTTPStatus.OK, HTTPStatus.NO_CONTENT} and not _is_gone(answer):
            raise gmail_failure(answer)

    def find(self, message_id: str, *, access_token: str, deadline: Deadline) -> tuple[str, ...]:
        """Return the ids of the drafts with a Message-ID, as far as Gmail has indexed them.

        Raises:
            GoogleFailure: Gmail did not say.
        """
        answer = self._ask("GET", self._requests.find_drafts(message_id), access_token, deadline)
        if answer.status != HTTPStatus.OK:
            raise gmail_failure(answer)
        found = _json(answer).get("drafts", [])
        return tuple(map(_draft_id, found))

    def _ask(
        self,
        method: str,
        request: HttpRequest,
        access_token: str,
        deadline: Deadline,
        post_by: Deadline | None = None,
    ) -> Answer:
        headers = request.headers(access_token)
        return self._transport.request(
            method, request.uri, request.body, headers, deadline=deadline, post_by=post_by
        )


def _is_gone(answer: Answer) -> bool:
    """Say whether Gmail itself says that there is no such draft, and not something before it."""
    if answer.status != HTTPStatus.NOT_FOUND:
        return False
    return gmail_failure(answer).kind is FailureKind.MESSAGE


def _json(answer: Answer) -> dict[str, Any]:
    try:
        document = answer.json()
    except ValueError as exc:
        raise _garbled() from exc
    if not isinstance(document, dict):
        raise _garbled()
    return document


def _draft_id(draft: Any) -> str:
    found = draft.get("id") if isinstance(draft, dict) else None
    if not isinstance(found, str) or not found.isascii():
        raise _garbled()
    return found


def _garbled() -> GoogleFailure:
    text = "Gmail's response could not be read"
    return GoogleFailure(FailureKind.TEMPORARY, "garbled_answer", text)

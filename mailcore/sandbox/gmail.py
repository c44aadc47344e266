"""Gmail's ``messages.send`` in all its forms, and ``getProfile``.

Source: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/send
and https://developers.google.com/workspace/gmail/api/guides/uploads
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from mailcore.sandbox import scopes
from mailcore.sandbox.message_parsing import (
    Posted,
    from_json,
    from_multipart,
    from_upload,
    read_json,
    read_thread_id,
)
from mailcore.sandbox.outbox import Outbox
from mailcore.sandbox.records import Account
from mailcore.sandbox.responses import (
    NO_STORE,
    Refusal,
    gmail_error,
    insufficient_scope,
    invalid_argument,
    json_answer,
)
from mailcore.sandbox.state import State
from mailcore.sandbox.tokens import bearer_token
from mailcore.sandbox.traffic import Traffic

#: Beyond this many bytes a body is read in another thread, so that others need not wait.
_LARGE = 256 * 1024


@dataclass
class _Upload:
    """A resumable upload under way."""

    thread_id: str | None
    received: bytearray = field(default_factory=bytearray)


class GmailEndpoints:
    """The mailbox as its API shows it.

    Args:
        state: who may do what.
        outbox: where the mail goes.
        traffic: what every send has to pass.
        origin: the sandbox's own address, for the links that it gives out.
    """

    def __init__(self, state: State, outbox: Outbox, traffic: Traffic, origin: str) -> None:
        self._state = state
        self._outbox = outbox
        self._traffic = traffic
        self._origin = origin
        self._uploads: dict[str, _Upload] = {}

    async def send(self, request: Request) -> Response:
        """Answer a send whose message is base64url text in JSON."""
        body = await request.body()
        return await self._take(request, len(body), lambda: from_json(body))

    async def upload(self, request: Request) -> Response:
        """Answer a send whose message is uploaded as it is."""
        body = await request.body()
        match request.query_params.get("uploadType"):
            case "media":
                return await self._take(request, len(body), lambda: from_upload(body, None))
            case "multipart":
                content_type = request.headers.get("content-type", "")
                return await self._take(
                    request, len(body), lambda: from_multipart(content_type, body)
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
        count = sum(message.account == account.email for message in self._outbox.messages())
        return json_answer(
            {
                "emailAddress": account.email,
                "messagesTotal": count,
                "threadsTotal": count,
                "historyId": "1",
            },
            NO_STORE,
        )

    async def _take(self, request: Request, size: int, read: Callable[[], Posted]) -> Response:
        async def work() -> Response:
            try:
                account = self._authorize(request, scopes.MAY_SEND)
                posted = await asyncio.to_thread(read) if size > _LARGE else read()
                message = self._outbox.deliver(account.email, posted.raw, posted.thread_id)
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
            upload = _Upload(read_thread_id(read_json(body or b"{}")))
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
        return await self._take(request, received, lambda: from_upload(raw, upload.thread_id))

"""Gmail's ``messages.send``, in the three forms that pal-e-mail uses.

Source: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/send
and https://developers.google.com/workspace/gmail/api/guides/uploads
"""

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from mailcore.sandbox import scopes
from mailcore.sandbox.message_parsing import (
    Posted,
    from_json,
    from_multipart,
    from_upload,
)
from mailcore.sandbox.outbox import Outbox
from mailcore.sandbox.records import Account
from mailcore.sandbox.responses import (
    NO_STORE,
    Refusal,
    insufficient_scope,
    invalid_argument,
    json_answer,
)
from mailcore.sandbox.state import State
from mailcore.sandbox.traffic import Traffic

#: Beyond this many bytes a body is read in another thread, so that others need not wait.
_LARGE = 256 * 1024


class GmailEndpoints:
    """The mailbox as its API shows it.

    Args:
        state: who may do what.
        outbox: where the mail goes.
        traffic: what every send has to pass.
    """

    def __init__(self, state: State, outbox: Outbox, traffic: Traffic) -> None:
        self._state = state
        self._outbox = outbox
        self._traffic = traffic

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
            case _:
                return invalid_argument("Invalid uploadType").response()

    async def _take(self, request: Request, size: int, read: Callable[[], Posted]) -> Response:
        async def work() -> Response:
            try:
                account = self._authorize(request)
                posted = await asyncio.to_thread(read) if size > _LARGE else read()
                message = self._outbox.deliver(account.email, posted.raw, posted.thread_id)
            except Refusal as exc:
                return exc.response()
            return json_answer(
                {"id": message.gmail_id, "threadId": message.thread_id, "labelIds": ["SENT"]},
                NO_STORE,
            )

        email = self._state.account_of_access_token(_bearer_token(request))
        return await self._traffic.serve(request, "send", email, work)

    def _authorize(self, request: Request) -> Account:
        grant = self._state.check_access_token(_bearer_token(request))
        if scopes.MAY_SEND.isdisjoint(grant.scopes):
            raise insufficient_scope()
        return grant.account


def _bearer_token(request: Request) -> str:
    """Return the token of the Authorization header, or an empty text."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""

"""Gmail's ``messages.send``, in the three forms that pal-e-mail uses.

Source: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/send
and https://developers.google.com/workspace/gmail/api/guides/uploads
"""

import asyncio
from collections.abc import Collection

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
        """Answer a send whose message is base64url text in JSON, or is uploaded as it is."""
        body = await request.body()
        posted = await read_posted(request, body)

        async def work() -> Response:
            try:
                account = authorized(self._state, request, scopes.MAY_SEND)
                if isinstance(posted, Refusal):
                    raise posted
                message = self._outbox.deliver(account.email, posted.raw, posted.thread_id)
            except Refusal as exc:
                return exc.response()
            return json_answer(
                {"id": message.gmail_id, "threadId": message.thread_id, "labelIds": ["SENT"]},
                NO_STORE,
            )

        email = self._state.account_of_access_token(bearer_token(request))
        return await self._traffic.serve(request, "send", email, work)


async def read_posted(request: Request, body: bytes, inside: str | None = None) -> Posted | Refusal:
    """Return the message that a request posts, or why there is none.

    Args:
        request: to one of Gmail's addresses, or to its upload address.
        body: of the request.
        inside: the field of its JSON that holds the message, if it is not the whole.
    """

    def read() -> Posted | Refusal:
        content_type = request.headers.get("content-type", "")
        try:
            if not request.url.path.startswith("/upload/"):
                return from_json(body, inside)
            match request.query_params.get("uploadType"):
                case "media":
                    return from_upload(body, None)
                case "multipart":
                    return from_multipart(content_type, body, inside)
                case _:
                    return invalid_argument("Invalid uploadType")
        except Refusal as exc:
            return exc

    return await asyncio.to_thread(read) if len(body) > _LARGE else read()


def authorized(state: State, request: Request, allowing: Collection[str]) -> Account:
    """Return whose mailbox a request is for.

    Raises:
        Refusal: its access token is not good, or allows none of the scopes.
    """
    grant = state.check_access_token(bearer_token(request))
    if not set(allowing) & set(grant.scopes):
        raise insufficient_scope()
    return grant.account


def bearer_token(request: Request) -> str:
    """Return the token of the Authorization header, or an empty text."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""

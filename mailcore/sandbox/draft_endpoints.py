"""Gmail's ``drafts``, as far as pal-e-mail uses them.

Source: https://developers.google.com/workspace/gmail/api/guides/drafts
and https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.drafts
"""

import re
from collections.abc import Callable
from email import policy
from email.parser import BytesHeaderParser
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mailcore.sandbox import scopes
from mailcore.sandbox.counts import Kind
from mailcore.sandbox.drafts import Drafts, SandboxDraft
from mailcore.sandbox.gmail import authorized, bearer_token, read_posted
from mailcore.sandbox.message_parsing import read_json
from mailcore.sandbox.records import Account
from mailcore.sandbox.responses import NO_STORE, Refusal, invalid_argument, json_answer
from mailcore.sandbox.state import State
from mailcore.sandbox.traffic import Traffic

_BY_MESSAGE_ID = re.compile(r"rfc822msgid:<?([^\s<>]+)>?")


class DraftEndpoints:
    """The drafts as Gmail's API shows them.

    Args:
        state: who may do what.
        drafts: what there is.
        traffic: what every request has to pass.
    """

    def __init__(self, state: State, drafts: Drafts, traffic: Traffic) -> None:
        self._state = state
        self._drafts = drafts
        self._traffic = traffic

    async def create(self, request: Request) -> Response:
        """Keep a message as a draft."""
        body = await request.body()
        posted = await read_posted(request, body, inside="message")

        def create(account: Account) -> Response:
            if isinstance(posted, Refusal):
                raise posted
            return json_answer(_shown(self._drafts.create(account.email, posted)), NO_STORE)

        return await self._serve(request, "create_draft", create)

    async def send(self, request: Request) -> Response:
        """Send a draft."""
        body = await request.body()

        def send(account: Account) -> Response:
            draft_id = read_json(body).get("id")
            if not isinstance(draft_id, str):
                raise invalid_argument("Invalid draft")
            message = self._drafts.send(account.email, draft_id)
            return json_answer(
                {"id": message.gmail_id, "threadId": message.thread_id, "labelIds": ["SENT"]},
                NO_STORE,
            )

        return await self._serve(request, "send", send)

    async def get(self, request: Request) -> Response:
        """Show a draft."""

        def get(account: Account) -> Response:
            draft = self._drafts.get(account.email, request.path_params["draft_id"])
            return json_answer(_shown(draft), NO_STORE)

        return await self._serve(request, "get_draft", get)

    async def list(self, request: Request) -> Response:
        """Find the drafts of a message; ``q`` knows ``rfc822msgid:`` only."""

        def list_drafts(account: Account) -> Response:
            found = _BY_MESSAGE_ID.fullmatch(request.query_params.get("q", ""))
            if found is None:
                raise invalid_argument("The sandbox finds drafts by rfc822msgid: alone")
            drafts = [
                _shown(each)
                for each in self._drafts.every(account.email)
                if _message_id(each) == found[1]
            ]
            # Gmail leaves an empty list out.
            listed: dict[str, Any] = {"drafts": drafts} if drafts else {}
            return json_answer({**listed, "resultSizeEstimate": len(drafts)}, NO_STORE)

        return await self._serve(request, "get_draft", list_drafts)

    async def delete(self, request: Request) -> Response:
        """Delete a draft."""

        def delete(account: Account) -> Response:
            self._drafts.delete(account.email, request.path_params["draft_id"])
            return Response(status_code=204, headers=NO_STORE)

        return await self._serve(request, "delete_draft", delete)

    async def _serve(
        self, request: Request, kind: Kind, work: Callable[[Account], Response]
    ) -> Response:
        async def answer() -> Response:
            try:
                return work(authorized(self._state, request, scopes.MAY_DRAFT))
            except Refusal as exc:
                return exc.response()

        email = self._state.account_of_access_token(bearer_token(request))
        return await self._traffic.serve(request, kind, email, answer)


def _shown(draft: SandboxDraft) -> dict[str, Any]:
    thread_id = draft.thread_id or draft.gmail_id
    message = {"id": draft.gmail_id, "threadId": thread_id, "labelIds": ["DRAFT"]}
    return {"id": draft.draft_id, "message": message}


def _message_id(draft: SandboxDraft) -> str:
    headers = BytesHeaderParser(policy=policy.compat32).parsebytes(draft.raw)
    return str(headers.get("Message-ID", "")).strip(" <>\r\n")

"""One address of the JSON API: from a raw request to a plain function, and back.

Starlette lets plain functions run in threads, but only coroutines can read a body. So the
body is read here, up to a limit, and handed to the function; and every error leaves as a
problem document, whichever application the routes are part of.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from callback import problems
from callback.api_keys import Keys
from callback.problems import RequestRefused
from mailcore import PalEMailError

logger = logging.getLogger(__name__)

#: Bytes. A credentials.json has about 500; nothing longer is ever sent here.
BODY_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that may go ahead.

    Attributes:
        request: for its path and query.
        by: who asks, as the audit trail names them.
        body: the body's octets.
    """

    request: Request
    by: str
    body: bytes = field(repr=False)

    @property
    def alias(self) -> str:
        """The sender that the address names."""
        return str(self.request.path_params["alias"])

    def json(self) -> dict[str, object]:
        """Return the body's members.

        Raises:
            RequestRefused: it is not a JSON object.
        """
        media_type = self.request.headers.get("content-type", "").partition(";")[0].strip()
        if media_type.lower() != "application/json":
            raise RequestRefused(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                "Send JSON, with Content-Type: application/json.",
            )
        try:
            members = json.loads(self.body)
        except (ValueError, RecursionError) as exc:
            raise RequestRefused(
                HTTPStatus.BAD_REQUEST, "bad_json", "The body is not JSON."
            ) from exc
        if not isinstance(members, dict):
            raise RequestRefused(
                HTTPStatus.UNPROCESSABLE_ENTITY, "bad_json", "The body must be a JSON object."
            )
        return members


Handler = Callable[[Call], Response]


class Endpoint:
    """An ASGI application for one address.

    Args:
        keys: who may ask; None where anybody may.
        handlers: a plain function for each method that the address knows.
    """

    def __init__(self, keys: Keys | None, **handlers: Handler) -> None:
        self._keys = keys
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except RequestRefused as exc:
            response = problems.from_refusal(exc)
        except PalEMailError as exc:
            response = problems.from_error(exc)
        except Exception:
            logger.exception("%s failed", request.scope["method"])
            response = problems.unforeseen()
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        by = self._keys.authenticate(request.headers.get("authorization")) if self._keys else ""
        handler = self._handler(request.method)
        body = await _read(request)
        return await run_in_threadpool(handler, Call(request=request, by=by, body=body))

    def _handler(self, method: str) -> Handler:
        if not self._handlers:
            raise RequestRefused(HTTPStatus.NOT_FOUND, "not_found", "There is nothing here.")
        handler = self._handlers.get("GET" if method == "HEAD" else method)
        if handler is None:
            allowed = ", ".join(self._handlers)
            raise RequestRefused(
                HTTPStatus.METHOD_NOT_ALLOWED,
                "method_not_allowed",
                f"This address takes {allowed}.",
                headers={"Allow": allowed},
            )
        return handler


async def _read(request: Request) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_LIMIT:
                raise RequestRefused(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    "body_too_large",
                    f"The body is longer than {BODY_LIMIT:,} bytes.",
                    headers={"Connection": "close"},
                )
    except ClientDisconnect as exc:
        raise RequestRefused(
            HTTPStatus.BAD_REQUEST, "incomplete", "The body ended too soon."
        ) from exc
    return bytes(body)

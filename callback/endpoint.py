"""One address of the JSON API: from a raw request to a plain function, and back.

Starlette lets plain functions run in threads, but only coroutines can read a body. So the
body is read here, up to a limit, and handed to the function; and every error leaves as a
problem document, whichever application the routes are part of.
"""

import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from callback import problems
from callback.api_keys import NOBODY, Authenticator, Caller
from callback.problems import (
    RequestRefused,
    incomplete,
    not_an_object,
    not_json,
    require_json,
    too_large,
)
from mailcore import ApiScope, PalEMailError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

logger = logging.getLogger(__name__)

Model = TypeVar("Model", bound=BaseModel)

#: What pydantic calls a value that is none of those allowed, and how it quotes these.
_CHOICES = frozenset({"enum", "literal_error"})
_QUOTED = re.compile(r"'([^']+)'")
#: Pydantic's other findings, by their type; our own validators speak for themselves.
_FAULTS = {
    "missing": "is missing",
    "string_type": "must be text",
    "string_unicode": "must be valid Unicode",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}

#: Bytes. A credentials.json has about 500; nothing longer is ever sent here.
BODY_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that may go ahead.

    Attributes:
        request: for its path and query.
        caller: who asks.
        body: the body's bytes; or, where it is read as it comes, its JSON object.
    """

    request: Request
    caller: Caller
    body: bytes | dict[str, Any] = field(repr=False)

    @property
    def by(self) -> str:
        """Who asks, as the audit trail names them."""
        return self.caller.by

    @property
    def alias(self) -> str:
        """The sender that the address names."""
        return str(self.request.path_params["alias"])

    def query(self, model: type[Model]) -> Model:
        """Return the query as a model has it.

        Raises:
            RequestRefused: a parameter is unknown, or has an unusable value.
        """
        return _validated(model, dict(self.request.query_params))

    def json(self, model: type[Model]) -> Model:
        """Return the body as a model has it.

        Raises:
            RequestRefused: it is not a JSON object, or a member is missing, unknown or
                unusable.
        """
        if isinstance(self.body, dict):
            return _validated(model, self.body)
        require_json(self.request)
        try:
            members = json.loads(self.body)
        except (ValueError, RecursionError) as exc:
            raise not_json() from exc
        if not isinstance(members, dict):
            raise not_an_object()
        return _validated(model, members)


def _validated(model: type[Model], given: dict[str, object]) -> Model:
    try:
        return model.model_validate(given)
    except ValidationError as exc:
        faults = exc.errors(include_url=False, include_input=False)
        name = str(faults[0]["loc"][0])
        about_it = [fault for fault in faults if fault["loc"][0] == name]
        raise _invalid(name, _fault(about_it), model) from exc


def _fault(faults: list[ErrorDetails]) -> str:
    """Return what is wrong with one member: pydantic's findings, in our words."""
    allowed = [each["ctx"]["expected"] for each in faults if each["type"] in _CHOICES]
    if allowed:
        return f"must be one of {', '.join(re.findall(_QUOTED, ' '.join(allowed)))}"
    first = faults[0]
    return _FAULTS.get(first["type"], "{error}").format_map(
        {"error": first["msg"]} | first.get("ctx", {})
    )


def _invalid(name: str, fault: str, model: type[BaseModel]) -> RequestRefused:
    if name in model.model_fields:
        detail = f"{name} {fault}."
    else:
        detail = f"{name!r} is unknown. Known names are: {', '.join(sorted(model.model_fields))}."
    return RequestRefused(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_value", detail, field=name)


def json_response(
    document: "DataclassInstance",
    *,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a value of `callback.schemas`, or one of mailcore's, as JSON; moments in ISO 8601."""
    return Response(
        json.dumps(asdict(document), ensure_ascii=False, default=datetime.isoformat),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


Handler = Callable[[Call], Response]


async def read_bytes(request: Request) -> bytes:
    """Return a body's bytes.

    Raises:
        RequestRefused: it is too large, or ended too soon.
    """
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_LIMIT:
                raise too_large(BODY_LIMIT)
    except ClientDisconnect as exc:
        raise incomplete() from exc
    return bytes(body)


def _boundless(_request: Request) -> AbstractAsyncContextManager[None]:
    return nullcontext()


#: Reads a body.
BodyReader = Callable[[Request], Awaitable[bytes | dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Operation:
    """What one method does at an address.

    Attributes:
        handler: does it.
        scope: what a key must be for.
        read: reads the body; by default as bytes, up to a limit.
        threads: where the handler runs; None for where all others do.
        room: what is held from the first byte of the body to the answer.
    """

    handler: Handler
    scope: ApiScope = ApiScope.ADMIN
    read: BodyReader = read_bytes
    threads: CapacityLimiter | None = None
    room: Callable[[Request], AbstractAsyncContextManager[None]] = _boundless


class Endpoint:
    """An ASGI application for one address.

    Args:
        keys: finds out who asks; None where anybody may, whatever the operations' scopes.
        operations: one for each method that the address knows.
    """

    def __init__(self, keys: Authenticator | None, **operations: Operation) -> None:
        self._keys = keys
        self._operations = operations

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
        caller = await self._keys.authenticate(request) if self._keys else NOBODY
        operation = self._operation(request.method)
        if self._keys:
            _permit(caller, operation, request)
        async with operation.room(request):
            call = Call(request=request, caller=caller, body=await operation.read(request))
            return await to_thread.run_sync(operation.handler, call, limiter=operation.threads)

    def _operation(self, method: str) -> Operation:
        if not self._operations:
            raise RequestRefused(
                HTTPStatus.NOT_FOUND, "not_found", "There is nothing at this address."
            )
        operation = self._operations.get("GET" if method == "HEAD" else method)
        if operation is None:
            allowed = ", ".join(self._operations)
            raise RequestRefused(
                HTTPStatus.METHOD_NOT_ALLOWED,
                "method_not_allowed",
                f"This address accepts only {allowed}.",
                headers={"Allow": allowed},
            )
        return operation


def _permit(caller: Caller, operation: Operation, request: Request) -> None:
    caller.require_scope(operation.scope)
    if "alias" in request.path_params:
        caller.require_sender(request.path_params["alias"])

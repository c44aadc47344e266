"""Reading a large JSON body as it comes, so that its files are held once.

A file comes as Base64 in a text. Read whole, a body of 48 MB would be held as bytes, as text, as
that text within the document, and decoded, all at the same time.
"""

import asyncio
import base64
import binascii
from contextlib import AbstractAsyncContextManager, nullcontext
from http import HTTPStatus
from typing import Any

import ijson  # type: ignore[import-untyped]
from ijson.common import ObjectBuilder  # type: ignore[import-untyped]
from starlette.requests import ClientDisconnect, Request

from callback.problems import (
    RequestRefused,
    incomplete,
    not_an_object,
    not_json,
    require_json,
    too_large,
    too_slow,
)

#: Bytes: 25 MB of files as Base64, and as much again as any text may need.
BODY_LIMIT = 50_000_000
#: Bytes above which a body counts as large, and how many large ones are held at the same time.
_LARGE, _LARGE_AT_ONCE = 1_000_000, 4
#: Seconds that a body may take to come: it keeps others waiting.
_READ_WITHIN = 120.0
#: How deep a document may be nested.
_MAX_DEPTH = 20
#: Where a file's content is: in ``attachments`` or ``inline``, in a file.
_CONTENT = ("string", "content", 3)


class LargeBodies:
    """Room for a few large bodies at a time: each takes its size several times over."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_LARGE_AT_ONCE)

    def room(self, request: Request) -> AbstractAsyncContextManager[None]:
        """Return what is to be held from the first byte to the answer."""
        length = request.headers.get("content-length", "")
        is_small = length.isdecimal() and int(length) <= _LARGE
        return nullcontext() if is_small else self._slots


async def read_document(request: Request) -> dict[str, Any]:
    """Return a body's JSON object, in which the contents of files are bytes.

    Raises:
        RequestRefused: it is not a JSON object, too large, too slow, or ended too soon.
    """
    require_json(request)
    document = _Document()
    size = 0
    try:
        async with asyncio.timeout(_READ_WITHIN):
            async for chunk in request.stream():
                size += len(chunk)
                if size > BODY_LIMIT:
                    raise too_large(BODY_LIMIT)
                if chunk:  # to the parser, nothing is the end
                    document.add(chunk)
    except ClientDisconnect as exc:
        raise incomplete() from exc
    except TimeoutError as exc:
        raise too_slow(_READ_WITHIN) from exc
    return document.finished()


class _Document:
    """A JSON document that is built while it is read."""

    def __init__(self) -> None:
        self._events = ijson.sendable_list()
        self._parser = ijson.basic_parse_coro(self._events, use_float=True)
        self._builder = ObjectBuilder()
        self._depth = 0
        self._key = ""

    def add(self, chunk: bytes) -> None:
        try:
            self._parser.send(chunk)
        except (ijson.JSONError, UnicodeDecodeError, ValueError) as exc:
            raise not_json() from exc
        self._build()

    def finished(self) -> dict[str, Any]:
        try:
            self._parser.close()
        except (ijson.JSONError, UnicodeDecodeError, ValueError) as exc:
            raise not_json() from exc
        self._build()
        document = getattr(self._builder, "value", None)
        if not isinstance(document, dict):
            raise not_an_object()
        return document

    def _build(self) -> None:
        for event, value in self._events:
            self._depth += event.startswith("start_")
            self._depth -= event.startswith("end_")
            if self._depth > _MAX_DEPTH:
                raise not_json()
            if event == "map_key":
                self._key = value
            is_content = (event, self._key, self._depth) == _CONTENT
            self._builder.event(event, _decoded(value) if is_content else value)
        self._events.clear()


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise RequestRefused(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "invalid_value",
            "A file's content is not Base64 (RFC 4648 section 4).",
            field="attachments",
        ) from exc

"""What a proxy says in its refusal reaches logs, pages and terminals as plain words."""

import asyncio
from contextlib import closing

import pytest

from mailcore.clock import Deadline
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.google.transport import Transport
from tests.support.connect_proxy import go_through
from tests.support.relay import serving


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 407 Who are you?\x1b[2J\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n<html>",
        b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n",
        b"no HTTP \x1b[31m\r\n",
    ],
)
def test_a_proxy_that_does_not_connect(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    """Nothing was handed over: it is safe to try again, and the text tells who refused."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    with serving(serve) as port, closing(Transport()) as transport:
        go_through(monkeypatch, f"http://127.0.0.1:{port}")
        with pytest.raises(GoogleFailure, match="the proxy did not connect to it") as caught:
            transport.post("https://127.0.0.1:9/", b"x", {}, deadline=Deadline(5))
    assert caught.value.kind is FailureKind.TEMPORARY
    assert caught.value.text.isprintable()

"""A server whose answer never ends."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.relay import serving

#: A success of Google's, up to its body, of which no client ever sees the end.
JSON_200 = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\n"
    b"Content-Length: 1000\r\n\r\n"
)


@contextmanager
def dripping_server(at_once: bytes, drop_by_drop: bytes) -> Iterator[str]:
    """Answer every request so; yield the address.

    Args:
        at_once: how the answer begins.
        drop_by_drop: what follows, ten bytes a second, and then spaces.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(at_once)
        for number in range(1000):
            writer.write(drop_by_drop[number : number + 1] or b" ")
            await writer.drain()
            await asyncio.sleep(0.1)

    with serving(serve) as port:
        yield f"http://127.0.0.1:{port}/"

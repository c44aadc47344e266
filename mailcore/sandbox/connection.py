"""The connection itself: noticing that it was lost, and dropping it on purpose."""

import asyncio
import socket
import struct
from collections.abc import Awaitable

from starlette.requests import Request
from starlette.responses import Response

#: The name under which the server puts a connection's transport into the ASGI scope.
TRANSPORT = "mailcore.sandbox.transport"


class CutOff(Exception):
    """The connection was closed, by the client or because the server stops. No response follows."""


async def unless_cut_off(request: Request, wait: Awaitable[None]) -> None:
    """Wait, but no longer than the connection lasts.

    Raises:
        CutOff: the connection is gone.
    """
    wanted = asyncio.ensure_future(wait)
    gone = asyncio.ensure_future(_client_gone(request))
    done, pending = await asyncio.wait([wanted, gone], return_when=asyncio.FIRST_COMPLETED)
    for each in pending:
        each.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    if wanted not in done:
        raise CutOff


async def _client_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _transport(request: Request) -> asyncio.Transport:
    transport = request.scope["extensions"][TRANSPORT]
    assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
    return transport


async def hang_up(request: Request) -> Response:
    """Close the connection in good order (FIN), without an answer."""
    _transport(request).close()
    return await _unanswered(request)


async def reset(request: Request) -> Response:
    """Close the connection with a TCP RST, as a crashed host or a firewall does."""
    transport = _transport(request)
    linger_not_at_all = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, linger_not_at_all
    )
    transport.abort()
    return await _unanswered(request)


async def cut_short(request: Request, answer: Response) -> Response:
    """Send half of the answer, then close the connection."""
    body = bytes(answer.body)
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    transport = _transport(request)
    transport.write(head.encode() + body[: len(body) // 2])
    transport.close()
    return await _unanswered(request)


async def _unanswered(request: Request) -> Response:
    """Return a response for the server to drop, as the connection is known to be closed."""
    await _client_gone(request)
    return Response()

"""A proxy as companies have them: it takes CONNECT (RFC 9110 section 9.3.6), and no more."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.support.relay import pass_on, serving


@dataclass(slots=True)
class ConnectProxy:
    """What a proxy was asked, and how it answers.

    Attributes:
        url: its address.
        refuse: answer 407 instead of connecting.
        heads: the requests, as they came.
    """

    url: str = ""
    refuse: bool = False
    heads: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one client's CONNECT, and pass on what follows."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        if self.refuse:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            writer.close()
            return
        host, _, port = head.split(" ")[1].rpartition(":")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await pass_on(reader, writer, host, int(port))


@contextmanager
def connect_proxy(tls: ssl.SSLContext | None = None) -> Iterator[ConnectProxy]:
    """Run one, which speaks TLS itself if it is given a certificate."""
    proxy = ConnectProxy()
    with serving(proxy.serve, tls) as port:
        proxy.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        yield proxy


def go_through(monkeypatch: pytest.MonkeyPatch, proxy_url: str) -> None:
    """Make a proxy this process' only way out, also to this machine."""
    monkeypatch.setenv("HTTPS_PROXY", proxy_url)
    for name in ("https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

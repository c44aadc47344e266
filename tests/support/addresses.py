"""Names with several addresses, some of which are dead, on this machine alone.

The resolver is the system's, and so is what is replaced here.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest


def resolves_to(monkeypatch: pytest.MonkeyPatch, name: str, *addresses: str) -> None:
    """Let a name have these addresses, in this order."""
    system = socket.getaddrinfo

    def look_up(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host != name:
            return system(host, port, *args, **kwargs)
        return [found for address in addresses for found in system(address, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@contextmanager
def hanging_resolver(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    """Let nothing answer for a name."""
    system = socket.getaddrinfo
    over = threading.Event()

    def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host == name:
            over.wait()
        return system(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    try:
        yield
    finally:
        over.set()


@contextmanager
def dead_addresses(port: int, *addresses: str) -> Iterator[None]:
    """Let nobody accept or refuse a connection there: the queue of each listener is full."""
    with ExitStack() as opened:
        for address in addresses:
            listener = opened.enter_context(socket.socket())
            listener.bind((address, port))
            listener.listen(0)
            queued = True
            while queued:
                connection = opened.enter_context(socket.socket())
                connection.settimeout(0.1)
                try:
                    connection.connect((address, port))
                except TimeoutError:
                    queued = False
        yield

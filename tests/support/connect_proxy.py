"""A proxy as companies have them: it takes CONNECT (RFC 9110 section 9.3.6), and no more."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(slots=True)
class ConnectProxy:
    """What a proxy was asked, and how it answers.

    Attributes:
        url: its address.
        refuse: answer 407 instead of connecting.
        heads: the requests, as they came.
    """

    url: str
    refuse: bool = False
    heads: list[str] = field(default_factory=list)

    def serve(self, client: socket.socket) -> None:
        """Take one client's CONNECT, and pass on what follows."""
        with suppress(OSError), client, client.makefile("rb") as stream:
            head = b"".join(iter(stream.readline, b"\r\n")).decode()
            self.heads.append(head)
            if self.refuse:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                return
            host, _, port = head.split(" ")[1].rpartition(":")
            with socket.create_connection((host, int(port))) as server:
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                threading.Thread(target=_pass_on, args=[server, client], daemon=True).start()
                _pass_on(client, server)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def connect_proxy() -> Iterator[ConnectProxy]:
    """Run one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = ConnectProxy(f"http://127.0.0.1:{listener.getsockname()[1]}")
        threading.Thread(target=_accept, args=[listener, proxy], daemon=True).start()
        yield proxy


def _accept(listener: socket.socket, proxy: ConnectProxy) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=proxy.serve, args=[client], daemon=True).start()

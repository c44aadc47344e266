"""One connection to Google: every wait is limited, and it knows what cannot have arrived.

urllib3's connections speak HTTP, TLS and CONNECT. Its pools are not used: each step there has
the whole timeout anew, and after ``close()`` a lost answer is taken for a proxy that could
not be reached (urllib3 2.8).
"""

import http.client
import io
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from urllib3 import BaseHTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from mailcore.clock import Deadline
from mailcore.google import happy_eyeballs
from mailcore.google.failures import one_line

#: Seconds in which a connection must stand once the host's addresses are known: TCP, the
#: proxy and TLS together.
CONNECT_TIMEOUT = 5.0

#: Statuses of answers that announce another one. After 101 it would speak another protocol.
_INTERIM = frozenset(range(100, 200)) - {http.HTTPStatus.SWITCHING_PROTOCOLS}

#: Bytes that are handed to the system at once: one TLS record (RFC 8446 section 5.1).
_PIECE = 16384

#: A pooled connection that a firewall has dropped is found dead within two minutes. Not every
#: system has all of these.
_SOCKET_OPTIONS = [
    *HTTPConnection.default_socket_options,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3))
        if hasattr(socket, name)
    ),
]


class NotHandedOver(Exception):
    """It ended before the last byte of the request was handed over.

    A server acts on a request with a Content-Length only once it has all of it. So while the
    last byte has not been handed to the kernel, the message cannot have been taken.
    """


class AnswerLost(Exception):
    """The request was handed over whole, and no answer came: it may have taken effect.

    Attributes:
        timed_out: the time was up; otherwise the connection broke.
    """

    def __init__(self, *, timed_out: bool) -> None:
        super().__init__("the time ran out" if timed_out else "the connection broke")
        self.timed_out = timed_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server answered.

    Attributes:
        status: the HTTP status.
        headers: names in lower case.
        body: decoded; empty where it was cut short.
        whole: the body was not cut short.
        early: it came before the request was handed over whole, so nothing was taken.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool
    early: bool

    def json(self) -> Any:
        """Return what its body holds.

        Raises:
            ValueError: that is no JSON, or is nested deeper than Python reads.
        """
        try:
            return json.loads(self.body)
        except RecursionError as exc:
            raise ValueError("the JSON is nested too deeply") from exc


class _BoundedReads(io.RawIOBase):
    """Reads of a socket, each of which may take what is left of the time."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._socket = sock
        self._stream = sock.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(self._deadline.timeout())
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *, deadline: Deadline, method: str | None) -> None:
        super().__init__(sock, method=method)
        self.fp.close()
        self.fp = io.BufferedReader(_BoundedReads(sock, deadline))

    def _read_status(self) -> tuple[str, int, str]:
        """Pass over interim answers, such as 103: one is not the answer (RFC 9110 section 15.2).

        http.client knows 100 only. Taken for the answer, another one would leave the real
        answer in the line, and the next message on it would be called sent for this one's.
        """
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status not in _INTERIM:
                return version, status, reason
            http.client.parse_headers(self.fp)


class _Bounded:
    """What plain and encrypted connections have in common.

    Attributes:
        reusable: nothing is under way on it, so that another request can use it.
    """

    reusable = False
    _deadline: Deadline

    def open(self: Any, deadline: Deadline) -> None:
        """Connect: resolve the name, try its addresses, pass the proxy, agree on TLS.

        Raises:
            NotHandedOver: it could not be done before the deadline.
        """
        self._deadline = deadline
        self.response_class = self._bounded_response
        try:
            self.connect()
            self.reusable = True
        # The resolver, the network, TLS, or what is no proxy (ValueError: no such host name).
        except (OSError, http.client.HTTPException, HTTPError, ValueError) as exc:
            raise NotHandedOver(_why(exc)) from exc

    def exchange(
        self: Any,
        method: str,
        target: str,
        body: bytes | str | None,
        headers: Mapping[str, str],
        deadline: Deadline,
    ) -> Answer:
        """Send a request on the open connection, once.

        Raises:
            NotHandedOver: it cannot have arrived.
            AnswerLost: it may have arrived.
        """
        self._deadline, self.reusable = deadline, False
        early = False
        try:
            self.request(method, target, body, headers, preload_content=False)
        except (BrokenPipeError, ConnectionResetError):
            early = True  # it may have refused what it has seen, and hung up
        except (OSError, http.client.HTTPException, ValueError) as exc:
            raise NotHandedOver(_why(exc)) from exc  # ValueError: a header that cannot be written
        try:
            response = self.getresponse()
        except (OSError, http.client.HTTPException, HTTPError) as exc:
            if early:
                raise NotHandedOver(_why(exc)) from exc
            raise AnswerLost(timed_out=isinstance(exc, TimeoutError)) from exc
        answer = _answer(response, early=early)
        # http.client has closed it where the server wants that.
        self.reusable = answer.whole and not early and self.sock is not None
        return answer

    def _new_conn(self: Any) -> socket.socket:
        addresses = happy_eyeballs.resolve(self._dns_host, self.port, self._deadline)
        self._deadline = self._deadline.at_most(CONNECT_TIMEOUT)
        connected = happy_eyeballs.connect(addresses, self._deadline, self.socket_options)
        connected.settimeout(self._deadline.timeout())
        return connected

    def _tunnel(self: Any) -> None:
        try:
            super()._tunnel()  # type: ignore[misc]
        except TimeoutError:
            raise
        except (OSError, http.client.HTTPException) as exc:
            raise NotHandedOver(f"the proxy did not connect to it: {_why(exc)}") from exc
        self.sock.settimeout(self._deadline.timeout())

    def send(self: Any, data: Any) -> None:
        view = memoryview(data)
        for start in range(0, len(view), _PIECE):
            self.sock.settimeout(self._deadline.timeout())
            super().send(view[start : start + _PIECE])  # type: ignore[misc]

    def _bounded_response(self, sock: socket.socket, *, method: str | None) -> _BoundedResponse:
        return _BoundedResponse(sock, deadline=self._deadline, method=method)


class PlainConnection(_Bounded, HTTPConnection):
    """Plain HTTP, with stand-ins on this machine."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port, socket_options=_SOCKET_OPTIONS)


class SecureConnection(_Bounded, HTTPSConnection):
    """HTTPS.

    Args:
        host: the server's, or the proxy's.
        port: the same one's.
        options: further ones of urllib3's.
    """

    def __init__(self, host: str, port: int, **options: Any) -> None:
        super().__init__(host, port, socket_options=_SOCKET_OPTIONS, **options)


Connection = PlainConnection | SecureConnection


def _answer(response: BaseHTTPResponse, *, early: bool) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        body, whole = response.read(), True
    except HTTPError:  # the time was up, the connection broke, or it cannot be decoded
        body, whole = b"", False
    return Answer(status=response.status, headers=headers, body=body, whole=whole, early=early)


def _why(exc: Exception) -> str:
    """Say in a few words what went wrong, for a person who looks for the cause."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {exc.verify_message}"
    if isinstance(exc, TimeoutError):
        return "it did not answer in time"
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror
    return one_line(str(exc)) or type(exc).__name__  # it may be the proxy that says it

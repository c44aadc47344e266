"""The pooled connections to Google, and whether a request can have arrived.

httplib2, which Google's client brings, silently POSTs a second time when the server closes
without answering: a mail sent twice. So nothing goes through it; `Transport.request` has
its signature, and Google's client is given that instead.
"""

import http.client
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

import httplib2
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
)

from mailcore import forks
from mailcore.google.failures import FailureKind, GoogleFailure

#: Seconds in which a connection must stand.
CONNECT_TIMEOUT = 5.0

#: A pooled connection that a firewall has dropped is found dead within two minutes, before a
#: mail is put on it. Not every system has all of these.
_SOCKET_OPTIONS = [
    *HTTPConnection.default_socket_options,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3))
        if hasattr(socket, name)
    ),
]


class _NotFullySent(Exception):
    """The connection broke before the last byte of the request was handed over."""


class _WatchesSending:
    """Tells a request that cannot have arrived whole from one that may have.

    A server acts on a request with a Content-Length only once it has all of it. So while
    the last byte has not been handed to the kernel, the message cannot have been taken.
    """

    _handed_over = False

    def connect(self: Any) -> None:
        # urllib3 would let its connect timeout bound the sending too: large mails take longer.
        whole, self.timeout = self.timeout, min(CONNECT_TIMEOUT, self.timeout)
        try:
            super().connect()  # type: ignore[misc]
        # Reset, or TLS failed (urllib3's own errors are no OSErrors), or the proxy is none.
        except (OSError, http.client.HTTPException, LocationParseError) as exc:
            raise _NotFullySent from exc
        finally:
            self.timeout = whole

    def request(self: Any, *args: Any, **kwargs: Any) -> None:
        self._handed_over = False
        if self.sock is None:
            self.connect()
        if self.sock is not None:
            self.sock.settimeout(self.timeout)
        try:
            super().request(*args, **kwargs)  # type: ignore[misc]
        except (BrokenPipeError, ConnectionResetError):
            raise  # urllib3 still looks for an answer that came early
        except (OSError, ValueError) as exc:  # ValueError: a header that cannot be written
            raise _NotFullySent from exc
        self._handed_over = True

    def getresponse(self: Any) -> Any:
        try:
            return super().getresponse()  # type: ignore[misc]
        except (OSError, http.client.HTTPException) as exc:
            if not self._handed_over:
                raise _NotFullySent from exc
            raise


class _Connection(_WatchesSending, HTTPConnection):
    pass


class _SecureConnection(_WatchesSending, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class Transport:
    """Thread-safe, pooled HTTP; a forked child makes connections of its own."""

    def __init__(self) -> None:
        self.forget_parent()
        forks.watch(self)

    def forget_parent(self) -> None:
        """Start with no connections."""
        #: By proxy; None is the direct way.
        self._pools: dict[str | None, urllib3.PoolManager] = {None: _pools(None)}

    def close(self) -> None:
        """Close every pooled connection."""
        for pools in self._pools.values():
            pools.clear()

    def post(
        self, url: str, body: bytes | str, headers: Mapping[str, str], *, timeout: float
    ) -> urllib3.BaseHTTPResponse:
        """POST once, following nothing and repeating nothing.

        Args:
            url: the address.
            body: the request's body.
            headers: its headers.
            timeout: seconds for all of it.

        Raises:
            GoogleFailure: of kind TEMPORARY where the request cannot have arrived, of kind
                UNKNOWN where it may have, of kind CONFIGURATION where the proxy is unusable.
        """
        pools = self._pools_for(url)
        try:
            return pools.request(
                "POST",
                url,
                body=body,
                headers=dict(headers),
                retries=False,
                redirect=False,
                timeout=urllib3.Timeout(total=timeout),
            )
        except (_NotFullySent, NewConnectionError, ConnectTimeoutError, ProxyError) as exc:
            raise GoogleFailure(
                FailureKind.TEMPORARY, "unreachable", f"{_host(url)} cannot be reached"
            ) from exc
        except ReadTimeoutError as exc:
            raise GoogleFailure(
                FailureKind.UNKNOWN, "no_answer", f"{_host(url)} did not answer in time"
            ) from exc
        except HTTPError as exc:
            raise GoogleFailure(
                FailureKind.UNKNOWN, "connection_lost", f"{_host(url)} closed without an answer"
            ) from exc

    def _pools_for(self, url: str) -> urllib3.PoolManager:
        proxy = _proxy_for(url)
        known = self._pools.get(proxy)
        if known is not None:
            return known
        try:
            return self._pools.setdefault(proxy, _pools(proxy))
        except (ValueError, HTTPError) as exc:  # no address, no scheme of a proxy, no ASCII
            raise GoogleFailure(
                FailureKind.CONFIGURATION,
                "proxy_unusable",
                "HTTPS_PROXY names no proxy that can be used; example: http://proxy.example:3128",
            ) from exc


def _proxy_for(url: str) -> str | None:
    """Return the proxy that ``HTTPS_PROXY`` and ``NO_PROXY`` name for an address.

    Plain http is spoken with stand-ins on this machine only, so never through a proxy.
    """
    target = urllib3.util.parse_url(url)
    if target.scheme != "https" or proxy_bypass(target.netloc or ""):
        return None
    proxy = getproxies().get("https")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def _pools(proxy: str | None) -> urllib3.PoolManager:
    options: dict[str, Any] = {"maxsize": 64, "socket_options": _SOCKET_OPTIONS}
    if proxy is None:
        pools = urllib3.PoolManager(**options)
    else:
        auth = urllib3.util.parse_url(proxy).auth
        headers = urllib3.make_headers(proxy_basic_auth=unquote(auth)) if auth else None
        pools = urllib3.ProxyManager(proxy, proxy_headers=headers, **options)
    pools.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    return pools


def _host(url: str) -> str:
    return urllib3.util.parse_url(url).host or "the server"


class BoundedHttp:
    """What Google's client calls in place of httplib2's ``Http``: one POST, one deadline.

    Args:
        transport: the pooled connections.
        timeout: seconds to wait for the answer.
    """

    def __init__(self, transport: Transport, timeout: float) -> None:
        self._transport = transport
        self._timeout = timeout

    def request(  # noqa: D102 - httplib2's signature, called by Google's client
        self,
        uri: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        **_: object,
    ) -> tuple[httplib2.Response, bytes]:
        if method != "POST":
            raise ValueError(f"only POST is spoken here, not {method}")
        answer = self._transport.post(uri, body or b"", headers or {}, timeout=self._timeout)
        response = httplib2.Response(
            {name.lower(): value for name, value in answer.headers.items()}
        )
        response.status = answer.status
        response.reason = answer.reason or ""
        return response, answer.data

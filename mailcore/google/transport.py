"""HTTP to Google: pooled, within one deadline, and never twice.

httplib2, which Google's client brings, silently POSTs a second time when the server closes
without answering: a mail sent twice. So everything that goes to Google goes through here.
"""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import NamedTuple

from urllib3.connection import ProxyConfig
from urllib3.util import Url, create_urllib3_context, parse_url

from mailcore import forks
from mailcore.clock import Deadline
from mailcore.google.connection import (
    Answer,
    AnswerLost,
    Connection,
    NotHandedOver,
    PlainConnection,
    SecureConnection,
)
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.google.pool import Pool
from mailcore.google.proxy import Proxy, proxy_for

#: Seconds after which an idle connection is not trusted with a message.
MAX_IDLE = 60.0

_PORTS = {"http": 80, "https": 443}
_TLS_TO_PROXY = ProxyConfig(
    ssl_context=None, use_forwarding_for_https=False, assert_hostname=None, assert_fingerprint=None
)


class _Route(NamedTuple):
    """Where a connection leads."""

    scheme: str
    host: str
    port: int
    proxy: Proxy | None


class Transport:
    """Thread-safe, pooled HTTP; a forked child makes connections of its own.

    Args:
        max_idle: seconds after which an idle connection is not used again.
    """

    def __init__(self, *, max_idle: float = MAX_IDLE) -> None:
        self._max_idle = max_idle
        self.forget_parent()
        forks.watch(self)

    def forget_parent(self) -> None:
        """Start with no connections."""
        self._pool = Pool(self._max_idle)

    def close(self) -> None:
        """Close every pooled connection."""
        self._pool.clear()

    def post(
        self,
        url: str,
        body: bytes | str,
        headers: Mapping[str, str],
        *,
        deadline: Deadline,
        post_by: Deadline | None = None,
    ) -> Answer:
        """POST once, following nothing and repeating nothing.

        Args:
            url: the address.
            body: the request's body.
            headers: its headers.
            deadline: when all of it ends: the name, every address of the host, the proxy, TLS,
                sending, and the whole answer.
            post_by: when the connection must be established; later, nothing is posted. None
                means the deadline.

        Raises:
            GoogleFailure: of kind TEMPORARY where the request cannot have arrived, of kind
                UNKNOWN where it may have, of kind CONFIGURATION where the proxy is unusable.
        """
        return self.request("POST", url, body, headers, deadline=deadline, post_by=post_by)

    def get(self, url: str, *, deadline: Deadline) -> Answer:
        """GET once, following nothing.

        Args:
            url: the address.
            deadline: when all of it ends.

        Raises:
            GoogleFailure: there was no answer; the kinds are those of `post`.
        """
        return self.request("GET", url, None, {}, deadline=deadline)

    def request(
        self,
        method: str,
        url: str,
        body: bytes | str | None,
        headers: Mapping[str, str],
        *,
        deadline: Deadline,
        post_by: Deadline | None = None,
    ) -> Answer:
        """Make a request once, following nothing and repeating nothing.

        Args:
            method: the HTTP method.
            url: as for `post`.
            body: as for `post`, or None.
            headers: as for `post`.
            deadline: as for `post`.
            post_by: as for `post`.

        Raises:
            GoogleFailure: there was no answer; the kinds are those of `post`.
        """
        address = parse_url(url)
        route, connect_by = _route(address), post_by or deadline
        try:
            with self._lent(route, connect_by) as connection:
                return connection.exchange(method, address.request_uri, body, headers, deadline)
        except NotHandedOver as exc:
            raise GoogleFailure(
                FailureKind.TEMPORARY, "unreachable", f"{route.host} cannot be reached: {exc}"
            ) from exc
        except AnswerLost as exc:
            if exc.timed_out:
                reason, text = "no_answer", f"{route.host} did not answer in time"
            else:
                reason, text = (
                    "connection_lost",
                    f"{route.host} closed the connection without responding",
                )
            raise GoogleFailure(FailureKind.UNKNOWN, reason, text) from exc

    @contextmanager
    def _lent(self, route: _Route, connect_by: Deadline) -> Iterator[Connection]:
        """Lend an open connection, and keep it afterwards if another request can use it.

        Raises:
            NotHandedOver: none stands before the deadline.
        """
        connection = self._pool.take(route) or self._connection(route)
        try:
            if connection.is_closed:
                connection.open(connect_by)
            # Looked at again here: connecting has taken its time.
            if connect_by.is_over:
                raise NotHandedOver("too little time was left for a response")
            yield connection
        finally:
            if connection.reusable:
                self._pool.put(route, connection)
            else:
                connection.close()

    def _connection(self, route: _Route) -> Connection:
        if route.scheme == "http":
            return PlainConnection(route.host, route.port)
        if route.proxy is None:
            return SecureConnection(route.host, route.port, ssl_context=self._tls)
        proxy = route.proxy.url
        connection = SecureConnection(
            _host(proxy),
            _port(proxy),
            ssl_context=self._tls,
            proxy=proxy,
            proxy_config=_TLS_TO_PROXY,
        )
        connection.set_tunnel(
            route.host, route.port, headers=route.proxy.headers, scheme=proxy.scheme or "http"
        )
        return connection

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """The system's store of certificates, or ``SSL_CERT_FILE`` (reading it costs 20 ms)."""
        context = create_urllib3_context()
        context.load_default_certs()
        return context


def _route(url: Url) -> _Route:
    return _Route(url.scheme or "", _host(url), _port(url), proxy_for(url))


def _host(url: Url) -> str:
    return (url.host or "").strip("[]")


def _port(url: Url) -> int:
    return url.port or _PORTS.get(url.scheme or "", 80)

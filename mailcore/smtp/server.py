"""The SMTP server: where it listens, and how many may come.

aiosmtpd speaks the protocol. Before a client has authenticated, nothing of a message is read.
"""

import asyncio
import logging
import socket
import ssl
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from aiosmtpd.smtp import SMTP

from mailcore.core import Mailcore
from mailcore.errors import ConfigurationError
from mailcore.message.compose import MAX_MESSAGE
from mailcore.message.whole_message import OtherFrom
from mailcore.smtp.handler import Handler

#: Connections at a time; further ones are told to come back.
MAX_CONNECTIONS = 200
#: Messages that are written to the database at the same time.
_AT_ONCE = 8
#: Seconds without a word after which a connection is closed (RFC 5321 section 4.5.3.2.7).
_IDLE = 300.0
#: Seconds until a client whose key is wrong is heard again.
_REFUSAL_PAUSE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpOptions:
    """Where and how it listens.

    Attributes:
        host: the address.
        port: the port; 0 takes a free one.
        tls: the certificate for STARTTLS; None only on loopback.
        other_from: what is done with a From that is not the sender's account.
        login_within: seconds that a client has for its login; it holds a place of everybody's.
    """

    host: str = "127.0.0.1"
    port: int
    tls: ssl.SSLContext | None = None
    other_from: OtherFrom = "replace"
    login_within: float = 60.0


def tls_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """Return what STARTTLS is done with.

    Args:
        certificate: a PEM file with the certificate and its chain.
        key: the PEM file of its private key; None if that is in the same file.

    Raises:
        ConfigurationError: they cannot be read, or do not belong together.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as exc:
        raise ConfigurationError(
            f"The certificate {certificate} cannot be used: {exc.strerror or exc}.",
            remedy="PALEMAIL_SMTP_CERTIFICATE and PALEMAIL_SMTP_KEY must be PEM files that belong "
            "together.",
        ) from exc
    return context


@contextmanager
def serving(core: Mailcore, options: SmtpOptions) -> Iterator[int]:
    """Take messages in while the context lasts.

    Args:
        core: queues them.
        options: where and how.

    Yields:
        The port.

    Raises:
        ConfigurationError: the port cannot be had.
    """
    # It would write down whatever clients say, credentials included.
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    try:
        listener = socket.create_server((options.host, options.port), family=family)
    except OSError as exc:
        raise ConfigurationError(
            f"Cannot listen for SMTP on {options.host}, port {options.port}: {exc.strerror}.",
            remedy="Choose another port, or stop what uses it.",
        ) from exc
    loop, stopping = asyncio.new_event_loop(), asyncio.Event()
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="smtp") as threads:
        handler = Handler(core, other_from=options.other_from, threads=threads)
        accepting = _accept(listener, handler, options, stopping)
        thread = Thread(target=loop.run_until_complete, args=[accepting], name="smtp")
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            loop.call_soon_threadsafe(stopping.set)
            thread.join()
            loop.close()


async def _accept(
    listener: socket.socket, handler: Handler, options: SmtpOptions, stopping: asyncio.Event
) -> None:
    """Serve until told to stop; then who is there is sent away."""
    loop, connections = asyncio.get_running_loop(), set["_Connection"]()

    def connection() -> _Connection:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # without TLS only on loopback: decided before
            return _Connection(
                handler,
                connections,
                options.login_within,
                data_size_limit=MAX_MESSAGE,
                enable_SMTPUTF8=True,
                hostname="pal-e-mail",
                ident="pal-e-mail",
                tls_context=options.tls,
                require_starttls=options.tls is not None,
                timeout=_IDLE,
                auth_required=True,
                auth_require_tls=options.tls is not None,
                authenticator=handler.authenticate,
                loop=loop,
            )

    server = await loop.create_server(connection, sock=listener)
    await stopping.wait()
    server.close()
    for one in list(connections):
        one.leave()
    # What they were told meanwhile may still be on its way.
    await asyncio.sleep(0)


class _Connection(SMTP):
    """One client. There is room for so many; and who guesses keys waits."""

    def __init__(
        self, handler: Any, others: "set[_Connection]", login_within: float, **options: Any
    ) -> None:
        super().__init__(handler, **options)
        self._others = others
        self._login_within = login_within

    def connection_made(self, transport: Any) -> None:
        if self not in self._others and len(self._others) >= MAX_CONNECTIONS:
            transport.write(b"421 4.7.0 Too many connections. Try again later.\r\n")
            transport.close()
            return
        if self not in self._others:  # STARTTLS makes the connection once more
            self._others.add(self)
            self.loop.call_later(self._login_within, self._leave_unless_logged_in)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self in self._others:
            self._others.discard(self)
            super().connection_lost(error)

    def _leave_unless_logged_in(self) -> None:
        if self.session is None or not self.session.authenticated:
            self.leave()

    def leave(self) -> None:
        """Close it: a client whose message was not answered for asks again."""
        if self.transport is not None:
            self.transport.close()

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        await super().smtp_AUTH(arg)
        if self.session is not None and not self.session.authenticated:
            await asyncio.sleep(_REFUSAL_PAUSE)

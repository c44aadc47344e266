"""Connecting to whichever address of a host answers first (RFC 8305, "Happy Eyeballs").

Python's own `socket.create_connection`, which urllib3 copies, tries one address after the
other and waits the whole timeout for each, and nothing bounds the name's resolution. The
asyncio libraries that do better would bring an event loop into every job that sends.
"""

import errno
import os
import selectors
import socket
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from itertools import zip_longest
from typing import Any

from mailcore.clock import Deadline
from mailcore.threads import left_behind

#: Seconds that an address has for itself before the next one is tried beside it
#: (RFC 8305 section 8, "Connection Attempt Delay").
ATTEMPT_DELAY = 0.25

#: An address as `socket.getaddrinfo` returns it.
Address = tuple[Any, ...]

_UNDER_WAY = frozenset({0, errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN})


def resolve(host: str, port: int, deadline: Deadline) -> list[Address]:
    """Return the addresses of a host, in the order in which to try them.

    Args:
        host: a name, or an address without brackets.
        port: the port.
        deadline: when to stop waiting. Nothing can interrupt the system's resolver, so it is
            left behind.

    Raises:
        OSError: the name has no address, or is none (`socket.gaierror`), or the resolver did
            not answer in time (`TimeoutError`).
    """

    def look_up() -> list[Address]:
        try:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError as exc:  # a label that is empty or too long (RFC 1035 section 2.3.4)
            raise socket.gaierror(socket.EAI_NONAME, "this is not a host name") from exc

    try:
        return _families_in_turn(left_behind(look_up, deadline))
    except TimeoutError:
        raise TimeoutError("its name could not be resolved in time") from None


def _families_in_turn(found: Sequence[Address]) -> list[Address]:
    """Alternate IPv6 and IPv4, beginning with what the system prefers (RFC 8305 section 4)."""
    preferred = [address for address in found if address[0] == found[0][0]]
    others = [address for address in found if address[0] != found[0][0]]
    pairs = zip_longest(preferred, others)
    return [address for pair in pairs for address in pair if address is not None]


def connect(
    addresses: Iterable[Address], deadline: Deadline, options: Iterable[tuple[Any, ...]]
) -> socket.socket:
    """Return a connection to the first address that takes one.

    Args:
        addresses: in the order in which to try them.
        deadline: when all of them together are given up.
        options: arguments of `socket.setsockopt` for each socket.

    Raises:
        OSError: the last refusal, or a `TimeoutError`.
    """
    waiting = deque(addresses)
    refusal = OSError("it has no address")
    with selectors.DefaultSelector() as attempts:
        try:
            while waiting or attempts.get_map():
                if waiting:
                    try:
                        attempts.register(_begin(waiting.popleft(), options), selectors.EVENT_WRITE)
                    except OSError as exc:
                        refusal = exc
                        continue
                patience = deadline.timeout()
                if waiting:
                    patience = min(ATTEMPT_DELAY, patience)
                for key, _ in attempts.select(patience):
                    attempt = key.fileobj
                    assert isinstance(attempt, socket.socket)  # noqa: S101 - for the type checker
                    attempts.unregister(attempt)
                    code = attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if code == 0:
                        return attempt
                    attempt.close()
                    refusal = OSError(code, os.strerror(code))
        finally:
            for key in list(attempts.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]  # they are all sockets
    raise refusal


def _begin(address: Address, options: Iterable[tuple[Any, ...]]) -> socket.socket:
    family, kind, protocol, _, where = address
    with ExitStack() as unless_begun:
        attempt = unless_begun.enter_context(socket.socket(family, kind, protocol))
        for option in options:
            attempt.setsockopt(*option)
        attempt.setblocking(False)
        code = attempt.connect_ex(where)
        if code not in _UNDER_WAY:
            raise OSError(code, os.strerror(code))
        unless_begun.pop_all()
        return attempt

"""Ports of this machine that nothing listens on."""

import random
import socket
from contextlib import suppress


def free_port() -> int:
    """Return a port that nothing uses, below those that connections going out are given."""
    while not is_free(port := random.SystemRandom().randrange(20_000, 32_000)):
        pass
    return port


def is_free(port: int) -> bool:
    """Say whether nothing listens on a port."""
    with suppress(OSError):
        socket.create_server(("127.0.0.1", port)).close()
        return True
    return False

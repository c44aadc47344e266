"""Ports to listen on."""

import os
import socket

from mailcore import ConfigurationError


def require_free(host: str, port: int) -> None:
    """Check that the port is free, before anything is started.

    Raises:
        ConfigurationError: it is in use, or the address is not one of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except socket.gaierror as exc:
        raise ConfigurationError(f"Cannot listen on {host}: {exc.strerror}.") from exc
    except OSError as exc:
        raise ConfigurationError(
            f"Cannot listen on {host}, port {port}: {os.strerror(exc.errno or 0)}.",
            remedy="Choose another port with --port, or stop what uses it.",
        ) from exc

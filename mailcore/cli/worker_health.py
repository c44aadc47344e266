"""A worker's health over HTTP, for Kubernetes and the like."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from mailcore import ConfigurationError

if TYPE_CHECKING:
    from mailcore.worker import Worker


@contextmanager
def served_health(worker: "Worker", host: str, port: int | None) -> Iterator[None]:
    """Serve a worker's health while the context lasts, where a port is given.

    ``/healthz`` returns 200 as long as it is doing something, and ``/readyz`` as long as it checks
    for mail; otherwise they return 503.

    Raises:
        ConfigurationError: it cannot listen on the port.
    """
    if port is None:
        yield
        return

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            health = worker.health
            good = {"/healthz": health.alive, "/readyz": health.well}.get(self.path)
            if good is None:
                self._answer(HTTPStatus.NOT_FOUND, {"error": "not_found"})
            else:
                status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
                self._answer(status, asdict(health))

        def _answer(self, status: HTTPStatus, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing of each look."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as exc:
        raise ConfigurationError(
            f"Cannot listen on {host}, port {port}: {exc.strerror}.",
            remedy="Choose another port with --health-port.",
        ) from exc
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

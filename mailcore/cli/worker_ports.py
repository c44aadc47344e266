"""What a worker answers over HTTP: its health for Kubernetes, and the metrics for Prometheus."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from mailcore import ConfigurationError, Mailcore, PalEMailError

if TYPE_CHECKING:
    from mailcore.worker import Worker

_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class _Answer:
    status: HTTPStatus
    body: bytes
    content_type: str = _JSON


_NOT_FOUND = _Answer(HTTPStatus.NOT_FOUND, b'{"error": "not_found"}')
#: What an address returns.
_Answers = Mapping[str, Callable[[], _Answer]]


@dataclass(frozen=True, slots=True)
class Listener:
    """An address to listen on.

    Attributes:
        option: of the command, for errors.
        port: None for none.
    """

    option: str
    host: str
    port: int | None


@contextmanager
def watchable(
    worker: "Worker", core: Mailcore, health: Listener, metrics: Listener
) -> Iterator[None]:
    """Serve a worker's health and the metrics while the context lasts, where a port is given.

    ``/healthz`` returns 200 as long as it is doing something, and ``/readyz`` as long as it checks
    for mail; otherwise they return 503. ``/metrics`` needs no key, and returns 503 if Postgres
    cannot be reached. Both can have the same port.

    Raises:
        ConfigurationError: it cannot listen on a port.
    """
    wanted: dict[tuple[str, int], tuple[Listener, dict[str, Callable[[], _Answer]]]] = {}
    for listener, answers in ((health, _health(worker)), (metrics, _metrics(core))):
        if listener.port is not None:
            place = listener.host, listener.port
            wanted.setdefault(place, (listener, {}))[1].update(answers)
    with ExitStack() as serving:
        for listener, answers in wanted.values():
            serving.enter_context(_served(listener, answers))
        yield


def _health(worker: "Worker") -> _Answers:
    def state(attribute: str) -> _Answer:
        health = worker.health
        good = getattr(health, attribute)
        status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
        return _Answer(status, json.dumps(asdict(health)).encode())

    return {"/healthz": lambda: state("alive"), "/readyz": lambda: state("well")}


def _metrics(core: Mailcore) -> _Answers:
    def scrape() -> _Answer:
        try:
            return _Answer(HTTPStatus.OK, core.metrics.text(), core.metrics.content_type)
        except PalEMailError:  # its text names hosts and users; `doctor` and the log have it
            why = b"The database cannot be used. Run on the server: pal-e-mail doctor\n"
            return _Answer(HTTPStatus.SERVICE_UNAVAILABLE, why, _TEXT)

    return {"/metrics": scrape}


@contextmanager
def _served(listener: Listener, answers: _Answers) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path, lambda: _NOT_FOUND)()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: Any) -> None:
            """Say nothing of each look."""

    try:
        server = ThreadingHTTPServer((listener.host, listener.port or 0), Handler)
    except OSError as exc:
        raise ConfigurationError(
            f"Cannot listen on {listener.host}, port {listener.port}: {exc.strerror}.",
            remedy=f"Choose another port with {listener.option}.",
        ) from exc
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

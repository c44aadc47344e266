"""`worker`: sends queued mail. Any number may run, on any number of machines."""

import importlib
import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Annotated, Any

import typer

import mailcore
from mailcore import ConfigurationError
from mailcore.cli import output
from mailcore.cli.signals import Stopped, exiting_on_signals, undisturbed

if TYPE_CHECKING:
    from mailcore.worker import Worker


def worker(
    concurrency: Annotated[
        int, typer.Option(min=1, max=1000, help="How many senders send at the same time.")
    ] = 16,
    health_port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help="Say how it is on this port: GET /healthz answers 200 or 503.",
            show_default=False,
        ),
    ] = None,
    health_host: Annotated[str, typer.Option(help="The address for that.")] = "127.0.0.1",
) -> None:
    """Send queued mail until told to stop."""
    with suppress(Stopped), exiting_on_signals(), closing(mailcore.Mailcore()) as core:
        if not core.is_migrated():
            raise ConfigurationError(
                "The database schema is not up to date.", remedy="Run `pal-e-mail migrate`."
            )
        with (
            working(core, concurrency=concurrency) as running,
            _health(running, health_host, health_port),
        ):
            output.say("Working. Press Ctrl-C to stop.")
            threading.Event().wait()
    output.say("Stopped.")


@contextmanager
def working(core: "mailcore.Mailcore", *, concurrency: int = 16) -> Iterator["Worker"]:
    """Send queued mail while the context lasts. What is being sent at its end is finished.

    Raises:
        ConfigurationError: the extra that brings the engine is not installed.
    """
    try:
        running: Worker = importlib.import_module("mailcore.worker").Worker(
            core, concurrency=concurrency
        )
    except ModuleNotFoundError as exc:
        raise ConfigurationError(
            f"The worker is not installed ({exc.name} is missing).",
            remedy="Run: pip install 'pal-e-mail[worker]'",
        ) from exc
    running.start()
    try:
        yield running
    finally:
        running.stop()
        with undisturbed():
            running.join()


@contextmanager
def _health(running: "Worker", host: str, port: int | None) -> Iterator[None]:
    """Serve the worker's health, where a port is given."""
    if port is None:
        yield
        return

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            health = running.health
            body = json.dumps(
                {
                    "well": health.well,
                    "seconds_since_look": round(health.looked, 1),
                    "seconds_since_engine": round(health.engine, 1),
                }
            ).encode()
            known = self.path == "/healthz"
            status = HTTPStatus.OK if health.well else HTTPStatus.SERVICE_UNAVAILABLE
            self.send_response(status if known else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body) if known else 0))
            self.end_headers()
            self.wfile.write(body if known else b"")

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

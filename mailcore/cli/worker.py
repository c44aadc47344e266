"""`worker`: sends queued mail. Any number may run, on any number of machines."""

import importlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

import mailcore
from mailcore import ConfigurationError
from mailcore.cli import output
from mailcore.cli.signals import undisturbed, until_stopped, wait_for_signal
from mailcore.cli.worker_ports import Listener, watchable

if TYPE_CHECKING:
    from mailcore.worker import Worker


def worker(
    concurrency: Annotated[
        int, typer.Option(min=1, max=1000, help="For how many senders to send at the same time.")
    ] = 16,
    health_port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help="Serve /healthz (is it running?) and /readyz (is it checking for mail?) on "
            "this port.",
            show_default=False,
        ),
    ] = None,
    health_host: Annotated[str, typer.Option(help="The address to serve them on.")] = "127.0.0.1",
    metrics_port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help="Serve /metrics for Prometheus on this port, which may be the same. It asks for "
            "no key.",
            show_default=False,
        ),
    ] = None,
    metrics_host: Annotated[
        str,
        typer.Option(
            help="The address to serve it on. Whoever can reach it reads which senders there are."
        ),
    ] = "127.0.0.1",
) -> None:
    """Send queued mail until stopped."""
    with until_stopped(), closing(mailcore.Mailcore()) as core:
        if not core.is_migrated():
            raise ConfigurationError(
                "The database schema is not up to date.", remedy="Run `pal-e-mail migrate`."
            )
        with (
            working(core, concurrency=concurrency) as running,
            watchable(
                running,
                core,
                Listener("--health-port", health_host, health_port),
                Listener("--metrics-port", metrics_host, metrics_port),
            ),
        ):
            output.result("Sending queued mail. Press Ctrl-C to stop.")
            wait_for_signal()


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

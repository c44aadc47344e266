"""`up`: the admin page, the callback and a worker, and a database if none is set."""

import gc
import importlib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from typing import Annotated, Any

import typer

import mailcore
from mailcore import ConfigurationError
from mailcore.cli import output
from mailcore.cli.paths import shortest
from mailcore.cli.ports import require_free
from mailcore.cli.signals import undisturbed, until_stopped
from mailcore.cli.smtp import check_smtp, taking_in
from mailcore.cli.worker import working

NoWorkerOption = Annotated[
    bool,
    typer.Option("--no-worker", help="Don't send queued mail; leave it to `pal-e-mail worker`."),
]
PortOption = Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")]


def up(
    host: Annotated[
        str,
        typer.Option(
            help="The address to listen on; any address other than loopback needs a login."
        ),
    ] = "127.0.0.1",
    port: PortOption = 8501,
    no_login: Annotated[
        bool,
        typer.Option(
            "--no-login", help="Let in anyone who can reach the address, without a link or a login."
        ),
    ] = False,
    link: Annotated[
        bool,
        typer.Option(
            "--link",
            help="For a container whose port is published on loopback only: "
            "let in whoever has the link.",
        ),
    ] = False,
    no_worker: NoWorkerOption = False,
) -> None:
    """Serve the admin page and the OAuth callback, and send queued mail."""
    with until_stopped():
        # Nothing of what is loaded is garbage, and looking for some takes a quarter of the start.
        gc.disable()
        server = load_server()
        settings = with_public_url(mailcore.Settings(), port)
        # Before a database is touched: what will not be served is not set up.
        server.login_mode(host, settings, no_login=no_login, link=link)
        require_free(host, port)
        check_smtp(settings)
        with database(settings), closing(mailcore.Mailcore(settings)) as core:
            core.migrate()
            with nullcontext() if no_worker else working(core), taking_in(core):
                server.serve(core, host=host, port=port, no_login=no_login, link=link)


def load_server() -> Any:
    """Return `admin_ui.app`, which serves the admin page, from the extra that brings it.

    Raises:
        ConfigurationError: the extra is not installed.
    """
    try:
        return importlib.import_module("admin_ui.app")
    except ModuleNotFoundError as exc:
        raise ConfigurationError(
            f"The admin page is not installed ({exc.name} is missing).",
            remedy="Run: pip install 'pal-e-mail[admin,callback]'",
        ) from exc


def with_public_url(settings: "mailcore.Settings", port: int) -> "mailcore.Settings":
    """Return settings with a public URL on the port, unless one is set."""
    if "public_url" in settings.model_fields_set:
        return settings
    return mailcore.Settings(public_url=f"http://localhost:{port}")


@contextmanager
def database(settings: "mailcore.Settings") -> Iterator[None]:
    """Run the embedded Postgres for as long as the context lasts, where no other is set.

    Raises:
        ConfigurationError: it is not installed, or cannot start.
    """
    if settings.database_url is not None:
        yield
        return
    from mailcore.store import embedded_postgres  # noqa: PLC0415 - loads psycopg

    directory = embedded_postgres.cluster_dir(settings.data_dir)
    with ExitStack() as stack:
        with undisturbed():
            server = stack.enter_context(ExitStack())
            server.enter_context(embedded_postgres.started(settings.data_dir))
        output.say(f"DATABASE_URL is not set: running Postgres in {shortest(directory)}.")
        try:
            yield
        finally:
            with undisturbed():
                server.close()

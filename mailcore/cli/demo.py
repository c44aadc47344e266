"""`demo`: the whole program against a stand-in for Google, with sample senders."""

import importlib
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import typer

import mailcore
from mailcore import ConfigurationError, DatabaseUnavailable
from mailcore.cli.ports import require_free
from mailcore.cli.serving import (
    NoWorkerOption,
    PortOption,
    database,
    load_server,
)
from mailcore.cli.signals import undisturbed, until_stopped
from mailcore.cli.worker import working

if TYPE_CHECKING:
    from mailcore.sandbox import GoogleSandbox

_HOST = "127.0.0.1"
#: The stand-in's port, fixed so that its pages can be bookmarked; any other if it is in use.
_SANDBOX_PORT = 8765


def demo(port: PortOption = 8501, no_worker: NoWorkerOption = False) -> None:
    """Try everything out, with sample senders and a stand-in for Google."""
    with until_stopped():
        server = load_server()
        require_free(_HOST, port)
        directory = mailcore.Settings().data_dir.expanduser().absolute() / "demo"
        _remove_old_database(directory)
        with _google() as google:
            environment = _environment(google, directory, port)
            os.environ.update(environment)
            settings = mailcore.Settings()
            with database(settings), closing(mailcore.Mailcore(settings)) as core:
                from mailcore.cli import demo_senders  # noqa: PLC0415 - loads SQLAlchemy

                core.migrate()
                demo_senders.create(core, google)
                _write(directory / "env", environment, _programs())
                link = core.page_secrets().link(settings.public_url)
                _explain(link, google.url, directory / "env")
                with nullcontext() if no_worker else working(core):
                    server.serve(core, host=_HOST, port=port)


def _remove_old_database(directory: Path) -> None:
    """Remove an earlier demo's embedded database: the stand-in no longer knows its grants.

    Raises:
        ConfigurationError: another demo is using it.
    """
    from mailcore.store import embedded_postgres  # noqa: PLC0415 - loads psycopg

    directory.mkdir(parents=True, exist_ok=True)
    if _has_database(directory):
        with undisturbed(), embedded_postgres.started(directory):
            pass  # as its last user this stops it, if the demo that started it was killed
    if _has_database(directory):
        raise ConfigurationError(
            f"A demo is already running in {directory}.",
            remedy="Stop it, or set PALEMAIL_DATA_DIR to another directory.",
        )
    # If something cannot be removed, starting Postgres fails and says what to do.
    shutil.rmtree(embedded_postgres.cluster_dir(directory), ignore_errors=True)


def _has_database(directory: Path) -> bool:
    from mailcore.store import embedded_postgres  # noqa: PLC0415 - loads psycopg

    try:
        embedded_postgres.join(directory)
    except (ConfigurationError, DatabaseUnavailable):
        return False
    return True


@contextmanager
def _google() -> Iterator["GoogleSandbox"]:
    try:
        sandbox = importlib.import_module("mailcore.sandbox")
    except ModuleNotFoundError as exc:
        raise ConfigurationError(
            f"The stand-in for Google is not installed ({exc.name} is missing).",
            remedy="Run: pip install 'pal-e-mail[admin,callback,sandbox]'",
        ) from exc
    from mailcore.cli.demo_senders import ACCOUNTS  # noqa: PLC0415 - loads SQLAlchemy

    try:
        google = sandbox.GoogleSandbox(port=_SANDBOX_PORT, accounts=ACCOUNTS)
        google.start()
    except OSError:
        google = sandbox.GoogleSandbox(accounts=ACCOUNTS)
        google.start()
    try:
        yield google
    finally:
        google.stop()


def _environment(google: "GoogleSandbox", directory: Path, port: int) -> dict[str, str]:
    """Return the variables with which this and other programs use the demo; empty is unset."""
    return {
        "DATABASE_URL": os.environ.get("DATABASE_URL", ""),
        "GOOGLE_CREDENTIALS_FILE": "",
        "GMAIL_SECRETS_DIR": str(directory / "secrets"),
        "PALEMAIL_DATA_DIR": str(directory),
        "PALEMAIL_PUBLIC_URL": f"http://localhost:{port}",
        "PALEMAIL_ENCRYPTION_KEYS": "",
        "PALEMAIL_ADMIN_EMAILS": "",
        "PALEMAIL_ADMIN_DOMAIN": "",
        "PALEMAIL_SIGNED_USER_HEADER": "",
        "PALEMAIL_SIGNED_USER_KEYS_URL": "",
        "PALEMAIL_SIGNED_USER_ISSUER": "",
        "PALEMAIL_SIGNED_USER_AUDIENCE": "",
        "PALEMAIL_SIGNED_USER_CLAIM": "",
        "PALEMAIL_TRUSTED_USER_HEADER": "",
        "PALEMAIL_GRANT_DAYS": "",
        # They arrive in the stand-in's outbox, through a sender of another project.
        "PALEMAIL_ALERT_URLS": "palemail://you@example.com",
        "PALEMAIL_ALERT_DELAY": "2",
        "PALEMAIL_HEARTBEAT_URL": "",
        **google.environment,
    }


def _programs() -> Path:
    """Return the folder of this command and its Python."""
    return Path(sys.argv[0]).absolute().parent


def _write(path: Path, environment: dict[str, str], programs: Path) -> None:
    """Write a file for `source`. It holds a client's secret, so only its owner may read it."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    search_path = f'export PATH={shlex.quote(str(programs))}:"$PATH"\n'
    path.write_text("".join([*lines, search_path]), encoding="utf-8")


def _explain(page: str, google: str, env: Path) -> None:
    typer.echo(f"""
  Admin page            {page}
  Stand-in for Google   {google}  (sent messages: {google}/outbox)

  1. In a few seconds, an alert arrives in {google}/outbox: the sender "alerts" has
     expired. Follow its link, or click Re-auth on the page, and consent. Its 12 waiting
     messages then go out automatically.
  2. In a second terminal, in any folder, send a message through it:

     source {shlex.quote(str(env))}
     pal-e-mail send alerts --to you@example.com --subject Hello --text 'It works'

  Each demo starts from scratch. Press Ctrl-C to stop.
""")

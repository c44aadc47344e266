"""The commands, by name."""

import logging
import sys
from importlib.metadata import version as installed_version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from mailcore import PalEMailError, SenderNotFound
from mailcore.cli import (
    alerts,
    api_keys,
    applying,
    authorizing,
    checking,
    deliveries,
    demo,
    limits,
    opening,
    output,
    queue,
    senders,
    sending,
    serving,
    smtp,
    upkeep,
    worker,
)
from mailcore.cli.exit_codes import ExitCode, exit_code

#: What Typer exits with when the command line is wrong.
_TYPER_USAGE = 2


class Command(TyperCommand):
    """A command that turns errors into a message and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        try:
            return super().invoke(ctx)
        except PalEMailError as exc:
            told = senders.with_suggestion(exc) if isinstance(exc, SenderNotFound) else exc
            output.error(told, as_json=bool(ctx.params.get("as_json")))
            raise typer.Exit(exit_code(exc)) from exc


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(installed_version("pal-e-mail"))
        raise typer.Exit


def _about(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Gmail senders that never fail silently."""


app = typer.Typer(
    callback=_about,
    no_args_is_help=True,
    # Plain tracebacks: pretty ones can show local variables, and secrets are among them.
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_senders = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
_deliveries = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
_alerts = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

app.command(cls=Command)(serving.up)
app.command("open", cls=Command)(opening.open_page)
app.command(cls=Command)(demo.demo)
app.command(cls=Command)(worker.worker)
app.command(cls=Command)(smtp.smtp)
app.command(cls=Command)(upkeep.migrate)
app.add_typer(_senders, name="senders", help="Add, list, pause, limit and delete senders.")
_senders.command("list", cls=Command)(senders.list_)
_senders.command("show", cls=Command)(senders.show)
_senders.command("add", cls=Command)(senders.add)
_senders.command("apply", cls=Command)(applying.apply)
_senders.command("confirm", cls=Command)(senders.confirm)
_senders.command("remove", cls=Command)(senders.remove)
_senders.command("send-as", cls=Command)(senders.send_as)
_senders.command("fallback", cls=Command)(senders.fallback)
_senders.command("drafts", cls=Command)(senders.drafts)
_senders.command("service-account", cls=Command)(senders.service_account)
_senders.command("limit", cls=Command)(limits.limit)
_senders.command("pause", cls=Command)(senders.pause)
_senders.command("resume", cls=Command)(senders.resume)
app.command(cls=Command)(authorizing.auth)
app.command(cls=Command)(checking.check)
app.command(cls=Command)(sending.send)
app.add_typer(
    _deliveries,
    name="deliveries",
    help="List deliveries, manage the queue, settle unknown outcomes.",
)
_deliveries.command("list", cls=Command)(deliveries.list_)
_deliveries.command("show", cls=Command)(deliveries.show)
_deliveries.command("arrived", cls=Command)(deliveries.arrived)
_deliveries.command("retry", cls=Command)(deliveries.retry)
_deliveries.command("discard", cls=Command)(deliveries.discard)
_deliveries.command("hold", cls=Command)(queue.hold)
_deliveries.command("release", cls=Command)(queue.release)
_deliveries.command("cancel", cls=Command)(queue.cancel)
_deliveries.command("requeue", cls=Command)(queue.requeue)
app.add_typer(_alerts, name="alerts", help="List alerts, and test where they go.")
_alerts.command("list", cls=Command)(alerts.list_)
_alerts.command("test", cls=Command)(alerts.try_)
app.command(cls=Command)(upkeep.import_tokens)
app.command(cls=Command)(upkeep.doctor)
app.command(cls=Command)(upkeep.rotate_keys)
app.command(cls=Command)(api_keys.new_api_key)


def main() -> None:
    """Run the command line, and exit."""
    _log_critical_only()
    try:
        app(prog_name="pal-e-mail")
    except SystemExit as exc:
        sys.exit(ExitCode.USAGE if exc.code == _TYPER_USAGE else exc.code)


def _log_critical_only() -> None:
    """Log nothing below critical: the commands themselves say what happened.

    Critical is a message that was sent and could not be recorded.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_WithoutTraceback("%(message)s"))
    logger = logging.getLogger("mailcore")
    logger.addHandler(handler)
    logger.setLevel(logging.CRITICAL)


class _WithoutTraceback(logging.Formatter):
    """A formatter that prints one line per record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without what a terminal would obey."""
        return output.visible(super().format(record))

    def formatException(self, _info: Any) -> str:  # noqa: N802 - the base class's name
        """Return nothing: the message says what to do."""
        return ""

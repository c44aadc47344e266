"""Looking after a deployment: migrations, checks of the setup, imports, keys."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

import mailcore
from mailcore.cli import output
from mailcore.cli.audit import BY
from mailcore.cli.exit_codes import ExitCode
from mailcore.cli.output import JsonOption
from mailcore.cli.serving import database
from mailcore.cli.signals import exiting_on_signals
from mailcore.values.checks import FindingState


def migrate() -> None:
    """Create the tables, or bring them up to date."""
    settings = mailcore.Settings()
    with exiting_on_signals(), database(settings), closing(mailcore.Mailcore(settings)) as core:
        changed = core.migrate()
    output.say("The tables are now up to date." if changed else "The tables were up to date.")


def doctor(*, as_json: JsonOption = False) -> None:
    """Check the whole setup, and name the remedies.

    Beside each check stands ok, note (it works, and is worth a decision), broken or not checked.
    """
    with closing(mailcore.Mailcore()) as core:
        findings = core.doctor()
    if as_json:
        output.document({"findings": findings})
    else:
        output.table(
            ("", "check", "finding"),
            (
                (found.state.value, found.name, _with_remedy(found.detail, found.remedy))
                for found in findings
            ),
        )
    if any(found.state is FindingState.BROKEN for found in findings):
        raise typer.Exit(ExitCode.CONFIGURATION)


def _with_remedy(detail: str, remedy: str | None) -> str:
    return f"{detail}\n→ {remedy}" if remedy else detail


def import_tokens(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", exists=True, file_okay=False, help="gmail-sdk's secrets directory."
        ),
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take the grants of gmail-sdk's token files over."""
    with closing(mailcore.Mailcore()) as core:
        found = core.import_tokens(directory, dry_run=dry_run, by=BY)
    if as_json:
        output.document({"files": found})
    elif found:
        output.table(
            ("file", "sender", "outcome", "why"),
            ((token.file, token.alias or "", token.outcome, token.detail) for token in found),
        )
    else:
        output.say(f"There is no file gmail-*.json in {directory}.")
    if any(token.outcome == "unreadable" for token in found):
        raise typer.Exit(ExitCode.REJECTED)


def rotate_keys(
    *,
    new: Annotated[bool, typer.Option("--new", help="Print a fresh key, and do nothing.")] = False,
) -> None:
    """Encrypt what is stored with the newest key.

    That is the first of PALEMAIL_ENCRYPTION_KEYS; afterwards the others may go.
    """
    if new:
        from cryptography.fernet import Fernet  # noqa: PLC0415 - loaded where it is needed

        typer.echo(Fernet.generate_key().decode())
        return
    with closing(mailcore.Mailcore()) as core:
        rows = core.rotate_keys()
    output.say(f"Encrypted {rows} rows anew. The older keys may go now.")

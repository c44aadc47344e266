"""Maintenance: migrations, checks of the setup, imports, keys."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

import mailcore
from mailcore import FindingState
from mailcore.cli import output
from mailcore.cli.audit import BY
from mailcore.cli.exit_codes import ExitCode
from mailcore.cli.output import JsonOption
from mailcore.cli.serving import database
from mailcore.cli.signals import exiting_on_signals


def migrate() -> None:
    """Create the tables, or bring them up to date."""
    settings = mailcore.Settings()
    with exiting_on_signals(), database(settings), closing(mailcore.Mailcore(settings)) as core:
        changed = core.migrate()
    output.say(
        "The database schema was updated."
        if changed
        else "The database schema is already up to date."
    )


def doctor(*, as_json: JsonOption = False) -> None:
    """Check the whole setup, and say how to fix what is wrong.

    Each check is ok, note (it works, but deserves a look), broken, or not checked.
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
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be imported.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Import the grants in gmail-sdk's token files."""
    with closing(mailcore.Mailcore()) as core:
        found = core.import_tokens(directory, dry_run=dry_run, by=BY)
    if as_json:
        output.document({"files": found})
    elif found:
        output.table(
            ("file", "sender", "outcome", "reason"),
            ((token.file, token.alias or "", token.outcome, token.detail) for token in found),
        )
    else:
        output.say(f"No gmail-*.json files in {directory}.")
    if any(token.outcome == "unreadable" for token in found):
        raise typer.Exit(ExitCode.REJECTED)


def rotate_keys(
    *,
    new: Annotated[bool, typer.Option("--new", help="Only print a new key.")] = False,
) -> None:
    """Re-encrypt all stored secrets with the newest key.

    The newest key is the first of PALEMAIL_ENCRYPTION_KEYS. Afterwards you can remove the others,
    and secrets that are stored unencrypted are no longer accepted. You can stop the command at
    any time; run it again to do the rest.
    """
    if new:
        typer.echo(mailcore.new_encryption_key())
        return
    with closing(mailcore.Mailcore()) as core, output.progress("Re-encrypting") as on_progress:
        done = core.rotate_keys(on_progress=on_progress)
    values = "value" if done == 1 else "values"
    output.say(f"Re-encrypted {done} {values}. You can now remove the older keys.")

"""`senders apply`: bring the registry to what a file says."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

import mailcore
from mailcore.cli import files, output
from mailcore.cli.audit import BY
from mailcore.cli.exit_codes import ExitCode
from mailcore.cli.output import JsonOption

#: What is said of a sender, by what happens to it.
_WORDS = {
    "add": "add",
    "change": "change",
    "delete": "delete",
    "none": "no change",
    "keep": "not in the file, kept",
}


def apply(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The TOML file.", show_default=False)
    ],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change.")
    ] = False,
    delete_others: Annotated[
        bool,
        typer.Option(
            "--delete-others", help="Delete the senders that the file doesn't name. Asks first."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask for confirmation.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Add and change senders until they are as FILE says.

    Fields that the file leaves out stay as they are. A sender in the file looks like this:

    [senders.alerts]  account = "alerts@example.com"  name = "Alerts"  project = "ops"
    """
    text = files.read_text("FILE", file)
    with closing(mailcore.Mailcore()) as core:
        if delete_others and not dry_run and not yes:
            planned = core.apply_senders(text, dry_run=True, delete_others=True, by=BY)
            _confirm([change.alias for change in planned if change.action == "delete"])
        changes = list(
            core.apply_senders(text, dry_run=dry_run, delete_others=delete_others, by=BY)
        )
    if as_json:
        output.document({"senders": changes})
        return
    output.table(
        ("sender", "change", "detail"),
        ((change.alias, _WORDS[change.action], change.detail) for change in changes),
    )
    if dry_run:
        output.say("Nothing was changed, because of --dry-run.")


def _confirm(deleted: list[str]) -> None:
    if not deleted:
        return
    output.say(f"This deletes {len(deleted)} and revokes their grants: {', '.join(deleted)}.")
    typed = output.ask(f"Type {len(deleted)} to confirm", unconfirmed="Nothing was changed.")
    if typed.strip() != str(len(deleted)):
        output.say(f"That isn't {len(deleted)}. Nothing was changed.")
        raise typer.Exit(ExitCode.USAGE)

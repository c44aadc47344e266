"""`auth`: authorise or re-authorise a sender from the terminal."""

import time
from contextlib import closing
from typing import Annotated

import typer

import mailcore
from mailcore import AuthorizationOutcome, AuthorizationProgress, ConfigurationError
from mailcore.cli import output
from mailcore.cli.audit import BY
from mailcore.cli.exit_codes import ExitCode

#: Seconds between checks whether the person has come back from Google.
_POLL = 0.5


def auth(
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="The sender.", show_default=False)],
    *,
    choose_account: Annotated[
        bool, typer.Option("--choose-account", help="Make Google ask which account to use.")
    ] = False,
) -> None:
    """Print a link to Google's consent page, and wait for the outcome."""
    with closing(mailcore.Mailcore()) as core:
        begun = core.authorizations.begin(alias, by=BY, choose_account=choose_account)
        _warn_if_nobody_listens(core.settings.public_url)
        account = begun.gmail_account or "the account that this sender should use"
        output.say(f"Open this link and consent as {account}. It works once, within ten minutes:")
        try:
            typer.echo(begun.url)
            progress = _outcome(core, begun.id)
        except KeyboardInterrupt:
            output.say("No longer waiting. The link still works.")
            raise
    if progress.outcome is AuthorizationOutcome.DONE:
        output.say(f"{alias} is healthy and sends as {progress.gmail_account}.")
        return
    reason = progress.detail or "The link has expired."
    output.say(f"Error: {reason} {mailcore.describe_next_step(progress.code)}")
    refused_client = progress.code == ConfigurationError.code
    raise typer.Exit(ExitCode.CONFIGURATION if refused_client else ExitCode.REFUSED)


def _warn_if_nobody_listens(public_url: str) -> None:
    import urllib3  # noqa: PLC0415 - loaded where it is needed

    address = f"{public_url.rstrip('/')}/healthz"
    try:
        answer = urllib3.request("GET", address, timeout=3.0, retries=False)
    except urllib3.exceptions.HTTPError:
        answers = False
    else:
        answers = answer.status == 200  # noqa: PLR2004 - OK
    if not answers:
        output.say(
            f"Warning: nothing answers at {address}, so Google's response would get lost. Start "
            "`pal-e-mail up`, or set PALEMAIL_PUBLIC_URL to the address where it runs."
        )


def _outcome(core: "mailcore.Mailcore", authorization_id: str) -> AuthorizationProgress:
    from rich.console import Console  # noqa: PLC0415 - slow to load

    with Console(stderr=True).status("Waiting for Google (Ctrl-C to stop) …"):
        while True:
            progress = core.authorizations.progress(authorization_id)
            if progress.outcome is not AuthorizationOutcome.WAITING:
                return progress
            time.sleep(_POLL)

"""`alerts list|test`: what is wrong, who was told, and whether channels work."""

from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

import mailcore
from mailcore import describe_alert, describe_notice, now
from mailcore.cli import output
from mailcore.cli.exit_codes import ExitCode
from mailcore.cli.output import JsonOption


def list_(
    *,
    sender: Annotated[str | None, typer.Option(help="Only this sender.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also what is over.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """List alerts, newest first, and who was told."""
    with closing(mailcore.Mailcore()) as core:
        alerts = core.alerts.list(sender, open_only=not every, limit=limit)
        health = core.alerts.health()
    if as_json:
        output.document({"alerts": [asdict(alert) for alert in alerts], "health": asdict(health)})
        return
    if alerts:
        at = now()
        output.table(
            ("sender", "alert", "since", "over", "told"),
            (
                (
                    alert.alias,
                    describe_alert(alert.kind),
                    output.moment(alert.raised_at),
                    output.moment(alert.closed_at),
                    "\n".join(describe_notice(notice, at) for notice in alert.notices) or "nobody",
                )
                for alert in alerts
            ),
        )
    else:
        output.say("Nothing is wrong." if not every else "There are no alerts.")
    if not health.channels:
        output.say("No channel for alerts is in use: see PALEMAIL_ALERT_URLS.")
    elif health.silent_since is not None:
        output.say(f"Alerts have not arrived since {output.moment(health.silent_since)}.")


def try_(*, as_json: JsonOption = False) -> None:
    """Send each channel a test, and print what it answered."""
    with closing(mailcore.Mailcore()) as core:
        tests = core.alerts.test()
    if as_json:
        output.document({"channels": [asdict(test) for test in tests]})
    elif tests:
        output.table(("channel", "answer"), ((test.label, test.error or "taken") for test in tests))
    else:
        output.say("No channel for alerts is in use: see PALEMAIL_ALERT_URLS.")
    if not tests or any(test.error for test in tests):
        raise typer.Exit(ExitCode.CONFIGURATION)

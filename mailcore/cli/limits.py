"""`senders limit`: how fast, and how much in 24 hours, a sender may send."""

from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Any

import typer

import mailcore
from mailcore.cli import output
from mailcore.cli.audit import BY
from mailcore.cli.output import JsonOption

#: What an option takes to leave it to the deployment's limit.
_NONE = "none"


def _number(text: str) -> float | str:
    if text == _NONE:
        return _NONE
    try:
        return float(text)
    except ValueError as exc:
        raise typer.BadParameter(f"{text!r} is neither a number nor {_NONE!r}.") from exc


def _whole(text: str) -> int | str:
    if text == _NONE:
        return _NONE
    try:
        return int(text)
    except ValueError as exc:
        raise typer.BadParameter(f"{text!r} is neither a whole number nor {_NONE!r}.") from exc


def limit(
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="The sender.", show_default=False)],
    *,
    per_second: Annotated[
        float | None,
        typer.Option(
            parser=_number, metavar="NUMBER", help="Messages per second, from its queue; or none."
        ),
    ] = None,
    messages_per_day: Annotated[
        int | None,
        typer.Option(parser=_whole, metavar="NUMBER", help="Messages in any 24 hours; or none."),
    ] = None,
    recipients_per_day: Annotated[
        int | None,
        typer.Option(parser=_whole, metavar="NUMBER", help="Recipients in any 24 hours; or none."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show or change a sender's limits; `none` restores the deployment's default."""
    given: dict[str, Any] = {
        "messages_per_second": per_second,
        "messages_per_day": messages_per_day,
        "recipients_per_day": recipients_per_day,
    }
    with closing(mailcore.Mailcore()) as core:
        if any(value is not None for value in given.values()):
            now: dict[str, Any] = asdict(core.queue.forecast(alias).limits)
            changed: dict[str, Any] = {
                name: now[name] if value is None else None if value == _NONE else value
                for name, value in given.items()
            }
            core.queue.set_limits(alias, **changed, by=BY)
        forecast = core.queue.forecast(alias)
    if as_json:
        output.document(forecast.limits)
        return
    limits = asdict(forecast.limits)
    output.fields(
        {
            **{name.replace("_", " "): limits[name] or "deployment's default" for name in limits},
            "messages left": forecast.messages_left,
            "recipients left": forecast.recipients_left,
        }
    )

"""What is printed: results on stdout, everything said to people on stderr."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer

from mailcore.errors import PalEMailError

#: The option of every command that lists or sends.
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

#: What an error carries besides its text, where it does.
_EVIDENCE = ("alias", "delivery_id", "field", "retry_after", "admin_url")
#: The colours of what is looked for first.
_STYLES = {"healthy": "green", "expiring": "yellow", "expired": "red", "blocked": "red"}
#: Columns of a table that goes to a file or a pipe, where nothing has to fit a screen.
_UNLIMITED = 10_000


def say(message: str) -> None:
    """Tell the person at the terminal."""
    typer.echo(message, err=True)


def complain(error: PalEMailError, *, as_json: bool) -> None:
    """Say what went wrong; in JSON too where JSON was asked for."""
    say(f"Error: {error}")
    if as_json:
        evidence = {name: getattr(error, name, None) for name in _EVIDENCE}
        known = {name: value for name, value in evidence.items() if value is not None}
        document({"error": {"code": error.code, "message": str(error), **known}})


def document(value: object) -> None:
    """Print a JSON document."""
    typer.echo(json.dumps(value, default=_plain, ensure_ascii=False, indent=2))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; unabridged where stdout is no terminal."""
    from rich.console import Console  # noqa: PLC0415 - slow to load, and few commands need it
    from rich.table import Table  # noqa: PLC0415 - the same
    from rich.text import Text  # noqa: PLC0415 - the same

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_UNLIMITED)
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        # The first column is what is typed into the next command.
        drawn.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        # As Text, so that what is stored is not taken for markup.
        drawn.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    console.print(drawn)


def fields(values: dict[str, object]) -> None:
    """Print a thing's fields, one a line; empty ones are left out."""
    shown = {name: _shown(value) for name, value in values.items() if value not in {None, ""}}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        typer.echo(f"{name:<{width}}  {value}")


def _shown(value: object) -> str:
    return moment(value) if isinstance(value, datetime) else str(value)


def moment(at: datetime | None) -> str:
    """Return a moment in the terminal's time zone, or nothing."""
    return f"{at.astimezone():%Y-%m-%d %H:%M}" if at else ""


def _plain(value: Any) -> object:
    return value.isoformat() if isinstance(value, datetime) else asdict(value)

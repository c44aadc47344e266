"""Printing: results on stdout, messages to people on stderr."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer

from mailcore import PalEMailError

#: The option `--json`.
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

#: Attributes of errors that `--json` prints, where an error has them.
_ERROR_FIELDS = ("alias", "delivery_id", "field", "retry_after", "admin_url")
#: The colours of a sender's status.
_STYLES = {"healthy": "green", "expiring": "yellow", "expired": "red", "blocked": "red"}
#: The width of a table that goes to a file or a pipe: effectively unlimited.
_UNLIMITED = 10_000


#: What a terminal obeys instead of showing it: C0 and C1 but for line feeds and tabs, and what
#: changes lines or the direction of writing (Unicode Technical Report 36, section 2.5).
_CONTROLS = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069]")


def visible(text: str) -> str:
    """Return text from outside as a terminal may have it: with its control characters written out.

    A subject or an answer from outside could otherwise move the cursor, or hide what is there.
    """
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def say(message: str) -> None:
    """Print a message on stderr."""
    typer.echo(visible(message), err=True)


def result(line: str) -> None:
    """Print a result on stdout."""
    typer.echo(visible(line))


def error(error: PalEMailError, *, as_json: bool) -> None:
    """Print an error, with `--json` also as JSON."""
    say(f"Error: {error}")
    if as_json:
        evidence = {name: getattr(error, name, None) for name in _ERROR_FIELDS}
        known = {name: value for name, value in evidence.items() if value is not None}
        document({"error": {"code": error.code, "message": str(error), **known}})


def document(value: object) -> None:
    """Print a JSON document."""
    written = json.dumps(value, default=_plain, ensure_ascii=False, indent=2)
    # Outside its strings JSON has none of them.
    typer.echo(_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", written))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; without wrapping unless stdout is a terminal."""
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
        # As Text, so that stored data is not taken for markup.
        drawn.add_row(*(Text(visible(cell), style=_STYLES.get(cell, "")) for cell in row))
    console.print(drawn)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr, if that is a terminal, and yield a function: (done, of how many).

    Args:
        what: what is going on.
    """
    from rich.console import Console  # noqa: PLC0415 - slow to load, and few commands need it
    from rich.progress import Progress  # noqa: PLC0415 - the same

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def fields(values: dict[str, object]) -> None:
    """Print names and values, one per line; empty values are left out."""
    shown = {name: _shown(value) for name, value in values.items() if value not in {None, ""}}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        # Indented, so that no line of a value looks like a field of its own.
        lines = visible(value).replace("\n", "\n" + " " * (width + 2))
        typer.echo(f"{name:<{width}}  {lines}")


def _shown(value: object) -> str:
    return moment(value) if isinstance(value, datetime) else str(value)


def moment(at: datetime | None) -> str:
    """Return a moment in local time, or an empty string."""
    return f"{at.astimezone():%Y-%m-%d %H:%M}" if at else ""


def _plain(value: Any) -> object:
    return value.isoformat() if isinstance(value, datetime) else asdict(value)

"""Printing: results on stdout, messages to people on stderr."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailcore import PalEMailError
from mailcore.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from rich.text import Text

#: The option `--json`.
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

#: The option `--csv`.
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")]

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


def ask(question: str, *, unconfirmed: str) -> str:
    """Return what a person types.

    Args:
        question: what they are asked for.
        unconfirmed: what is said if nobody answers; the command then ends.

    Raises:
        Exit: nobody answers.
    """
    try:
        return str(typer.prompt(question, err=True))
    except typer.Abort as exc:
        say("")  # the prompt's line is still open
        say(f"Not confirmed. {unconfirmed} To skip the question, pass --yes.")
        raise typer.Exit(ExitCode.USAGE) from exc


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


def csv(lines: Iterable[str]) -> None:
    """Print CSV as it comes."""
    for line in lines:
        # Within a cell a line feed is data, and so is a carriage return before it.
        typer.echo(visible(line.rstrip("\r\n")))


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, shortened: Collection[str] = ()
) -> None:
    """Print a table.

    On a terminal it fits: columns that would be empty are left out, and long cells are shortened
    or wrapped. In a file or a pipe, everything is there, one row to a line.

    Args:
        columns: the heads.
        rows: the cells.
        shortened: the heads of columns whose cells rather lose their end than wrap.
    """
    from rich.console import Console  # noqa: PLC0415 - slow to load, and few commands need it
    from rich.table import Table  # noqa: PLC0415 - the same

    console, cells = Console(highlight=False), [tuple(row) for row in rows]
    if console.is_terminal:
        used = [number for number in range(len(columns)) if any(row[number] for row in cells)]
    else:
        console, used = Console(highlight=False, width=_UNLIMITED), list(range(len(columns)))
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number in used:
        # The first column is what is typed into the next command. Rich takes space only from
        # columns that may wrap; so those that are shortened may, but for their text.
        whole = columns[number] not in shortened if shortened else number == 0
        drawn.add_column(columns[number], overflow="fold", no_wrap=whole)
    for row in cells:
        drawn.add_row(*(_cell(row[number], columns[number] in shortened) for number in used))
    console.print(drawn)


def _cell(text: str, shortened: bool) -> "Text":
    from rich.text import Text  # noqa: PLC0415 - slow to load, and few commands need it

    # As Text, so that stored data is not taken for markup.
    cell = Text(visible(text), style=_STYLES.get(text, ""))
    if shortened:
        cell.no_wrap, cell.overflow = True, "ellipsis"
    return cell


def short(delivery_id: str) -> str:
    """Return the first digits of an id, enough to name it."""
    return delivery_id[:8]


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
    """Return a moment in local time with its zone, or an empty string."""
    return f"{at.astimezone():%Y-%m-%d %H:%M %Z}" if at else ""


def _plain(value: Any) -> object:
    return value.isoformat() if isinstance(value, datetime) else asdict(value)

"""docs/reliability.md, from what a run found out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from proof.chaos import Ledger
from proof.matrix import DOORS, Cell

#: What of the page is always the same.
_PAGE = Template((Path(__file__).with_name("page.md")).read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What one run found out.

    Attributes:
        cells: of the matrix, by the way to Google.
        seconds: how long the chaos lasted.
    """

    cells: Mapping[str, Sequence[Cell]]
    chaos: Ledger
    seconds: float
    date: str

    @property
    def wrong(self) -> list[str]:
        """What does not hold."""
        return [
            f"{cell.case.door}, {cell.case.fault.name}, {way}: {problem}"
            for way, cells in self.cells.items()
            for cell in cells
            if (problem := cell.wrong())
        ] + self.chaos.wrong


def render(results: Results) -> str:
    """Return the page."""
    return _PAGE.substitute(
        verdict=_verdict(results),
        matrix="\n".join(_tables(results.cells)).strip(),
        chaos=_chaos(results.chaos),
    )


def _verdict(results: Results) -> str:
    tried, wrong = sum(map(len, results.cells.values())), results.wrong
    verdict = f"{len(wrong)} things do **not** hold:" if wrong else "Nothing was wrong."
    minutes = f"{results.seconds / 60:.0f} minutes of chaos"
    lines = [f"{results.date}: {tried} cells of the matrix, and {minutes}. {verdict}"]
    return "\n- ".join(lines + wrong)


def _tables(cells: Mapping[str, Sequence[Cell]]) -> Iterable[str]:
    every = [cell for found in cells.values() for cell in found]
    for endpoint, what in (
        ("Gmail", "What Gmail answers to the message, or what comes in its place"),
        ("token endpoint", "What the token endpoint answers, after Gmail refused the access token"),
    ):
        yield f"### {what}\n"
        yield f"| fault | {' | '.join(DOORS)} | sender |"
        yield f"|---|{'---|' * len(DOORS)}---|"
        of_endpoint = [cell for cell in every if cell.case.endpoint == endpoint]
        for fault in dict.fromkeys(cell.case.fault.name for cell in of_endpoint):
            row = [cell for cell in of_endpoint if cell.case.fault.name == fault]
            doors = [_said(cell for cell in row if cell.case.door == door) for door in DOORS]
            senders = ", ".join(dict.fromkeys(cell.sender.value for cell in row))
            yield f"| `{fault}` | {' | '.join(doors)} | {senders} |"
        yield ""


def _said(cells: Iterable[Cell]) -> str:
    """Say what came of one fault at one door, each different end once."""
    return ", ".join(dict.fromkeys(_end(cell) for cell in cells)) or "–"


def _end(cell: Cell) -> str:
    after = f"{cell.row.value} ({cell.taken})"
    if cell.end is cell.row:
        return after
    return f"{cell.row.value} → {cell.end.value} ({cell.taken_in_the_end})"


def _chaos(ledger: Ledger) -> str:
    def listed(counts: Counter[str]) -> str:
        return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())

    told = Counter(ledger.told.values())
    lines = (
        ("what went wrong", listed(ledger.mishaps)),
        ("what programs were told", listed(told)),
        ("what the deliveries say in the end", listed(ledger.outcomes)),
        ("messages that Gmail has", f"{ledger.taken:,}"),
        ("sent twice, lost, stuck, out of order, or blamed wrongly", f"{len(ledger.wrong)}"),
    )
    return (
        "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in lines)])
        + "\n"
    )

"""Measure sending against what people use today, and write docs/benchmarks.md.

python benchmarks/run.py [--quick]
"""

import argparse
import logging
import os
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import (
    cold,
    contenders,
    deployment,
    drafting,
    economy,
    faults,
    machine,
    open_tabs,
    probing,
    queue_speed,
    senders_page,
    speed,
    steps,
)
from benchmarks.place import Mail, Place, write_token_files
from benchmarks.report import Results, render
from benchmarks.stand_in import StandIn
from tests.support import postgres

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
_LARGE = 5_000_000
TEXT = "All work and no play fills every disk.\n" * 50
_COLD_RUNS = 12


def main() -> None:
    """Run everything, with a progress bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds; to try the benchmark")
    parser.add_argument("--output", type=Path, default=PAGE, help="the page to write")
    arguments = parser.parse_args()
    _hush()
    # So that Postgres and the stand-in end with this process, however it is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with (
        StandIn() as stand_in,
        postgres.server() as database_url,
        tempfile.TemporaryDirectory() as folder,
        _progress() as progress,
    ):
        place = Place(stand_in.url, database_url, folder)
        deployment.migrate(database_url)
        results = _measure(stand_in, place, progress, quick=arguments.quick)
    arguments.output.write_text(render(results), encoding="utf-8")
    Console().print(f"Written: {arguments.output.name}")


def _measure(stand_in: StandIn, place: Place, progress: Progress, *, quick: bool) -> Results:
    started, load = time.monotonic(), machine.load()
    cold_runs = 2 if quick else _COLD_RUNS
    # What needs a new process goes first: later this one is large, and starts others slower.
    deployment.store_grant(place)
    cold_starts = cold.measure(place, runs=cold_runs, advance=_step(progress, "cold", cold_runs))
    speeds = _speeds(stand_in, place, progress, quick=quick)
    step = _step(progress, "faults", len(contenders.NAMES))
    reactions = faults.observe(stand_in, place, advance=step)
    step = _step(progress, "economy", 8)
    round_trips = economy.round_trips(place)
    step()
    refreshes = economy.refreshes(stand_in, place)
    step()
    shares = steps.shares(place, Mail(TEXT))
    step()
    queue = queue_speed.measure(stand_in, place, quick=quick)
    step()
    tabs = open_tabs.measure(place, quick=quick)
    step()
    page = senders_page.measure(place)
    step()
    probes = probing.measure(stand_in, place)
    step()
    drafts = drafting.measure(stand_in, place, Mail(TEXT), quick=quick)
    step()
    return Results(
        speed=speeds,
        cold=cold_starts,
        shares=shares,
        round_trips=round_trips,
        refreshes=refreshes,
        reactions=reactions,
        page=page,
        probes=probes,
        drafts=drafts,
        queue=queue,
        tabs=tabs,
        machine=machine.describe(place.database_url),
        load=(load, machine.load()),
        seconds=time.monotonic() - started,
        quick=quick,
    )


def _speeds(
    stand_in: StandIn, place: Place, progress: Progress, *, quick: bool
) -> dict[speed.Situation, speed.Rounds]:
    write_token_files(place)
    file = Path(place.folder) / "report.bin"
    file.write_bytes(os.urandom(_LARGE))
    mails = {
        "2 KB": Mail(TEXT),
        "5 MB": Mail("The report is attached.", file),
    }
    taking_part = {name: contenders.load(name)(place) for name in contenders.NAMES}
    return {
        situation: speed.measure(
            stand_in,
            taking_part,
            situation,
            mails[situation.size],
            quick=quick,
            advance=_step(
                progress,
                f"{situation.threads} × {situation.size} {situation.answers}",
                min(situation.rounds, 2) if quick else situation.rounds,
            ),
        )
        for situation in speed.SITUATIONS
    }


def _progress() -> Progress:
    return Progress(TextColumn("{task.description:24}"), BarColumn(), TimeElapsedColumn())


def _step(progress: Progress, what: str, steps: int) -> Callable[[], None]:
    task = progress.add_task(what, total=steps)
    return lambda: progress.advance(task)


def _hush() -> None:
    """Keep what libraries say of faults that are played, and of a page without a browser, out."""
    for name in ("mailcore", "streamlit", "urllib3", "googleapiclient", "oauth2client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")


if __name__ == "__main__":
    main()

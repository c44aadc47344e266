"""The senders page with many senders: its one query, and drawing it."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from streamlit.testing.v1 import AppTest

import admin_ui
from admin_ui.deployment import Deployment, LoginMode, install
from admin_ui.sessions import Sessions
from benchmarks.contenders.pal_e_mail import Contender as Ours
from benchmarks.deployment import fill_up
from benchmarks.place import Place

FEW = 25  # one page
MANY = 10_000


@dataclass(frozen=True, slots=True)
class PageTimes:
    """Seconds, each a median.

    Attributes:
        query: the page's one query.
        script: a whole run of the page's script, the query included.
    """

    query: float
    script: float


def measure(place: Place) -> tuple[PageTimes, PageTimes]:
    """Return the times with `FEW` senders, and with `MANY`."""
    core = Ours(place).core
    sessions = Sessions(b"", 8501, core.logins)
    install(Deployment(core=core, login=LoginMode.OPEN, sessions=sessions))
    page = AppTest.from_file(str(Path(admin_ui.__file__).with_name("page.py")), default_timeout=60)

    def times() -> PageTimes:
        return PageTimes(query=_median(core.senders.page), script=_median(page.run))

    fill_up(place, FEW)
    few = times()
    fill_up(place, MANY)
    many = times()
    if page.exception:
        raise RuntimeError("the page could not be drawn")
    core.close()
    return few, many


def _median(run: Callable[[], object]) -> float:
    samples = []
    for _ in range(12):
        started = time.perf_counter()
        run()
        samples.append(time.perf_counter() - started)
    return statistics.median(samples[2:])

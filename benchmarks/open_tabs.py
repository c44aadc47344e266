"""The admin page as a program: its start, its first content, and what tabs cost that stay open."""

import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, Page

from benchmarks.place import Place
from tests.support.browser import launched
from tests.support.ports import free_port

MANY_TABS = 20
_STARTS = 5
#: Seconds after which a page is idle: what was drawn once is loaded, and compared once.
_SETTLED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTabs:
    """What the page costs.

    Attributes:
        start: seconds from the command to ``/readyz``, with the embedded Postgres.
        start_cpu: the same, of a core's time.
        first_content: seconds to the first row of the list, in a browser that knows the page.
        none: the share of a core that the process takes with no tab, Postgres included.
        one: with one idle tab.
        many: with `MANY_TABS`.
    """

    start: float
    start_cpu: float
    first_content: float
    none: float
    one: float
    many: float


def measure(place: Place, *, quick: bool) -> OpenTabs | None:
    """Measure the page of the deployment that `place` is; None where there is no Chromium."""
    seconds = 5 if quick else 30
    starts = _starts(1 if quick else _STARTS)
    try:
        with (
            _up(DATABASE_URL=place.database_url) as (process, link),
            launched() as browser,
            browser.driven() as windows,
        ):
            shares, content = _shares(place, windows.browser, process.pid, link, seconds)
    except pytest.skip.Exception:
        return None
    return OpenTabs(
        start=statistics.median(wall for wall, _ in starts),
        start_cpu=statistics.median(cpu for _, cpu in starts),
        first_content=content,
        none=shares[0],
        one=shares[1],
        many=shares[2],
    )


def _starts(number: int) -> list[tuple[float, float]]:
    with tempfile.TemporaryDirectory() as folder:
        times = []
        for _ in range(number + 1):  # the first one makes the cluster
            started = time.monotonic()
            with _up(PALEMAIL_DATA_DIR=folder, DATABASE_URL="") as (process, link):
                _get(f"{link.partition('?')[0].rstrip('/')}/readyz")
                times.append((time.monotonic() - started, _cpu(process.pid)))
        return times[1:]


def _shares(
    place: Place, chromium: Browser, pid: int, link: str, seconds: float
) -> tuple[list[float], float]:
    shares = [_share(place, pid, seconds)]
    context = chromium.new_context()
    _open(context.new_page(), link)
    shares.append(_share(place, pid, seconds))
    contents = [_open(context.new_page(), link) for _ in range(MANY_TABS - 1)]
    shares.append(_share(place, pid, seconds))
    return shares, statistics.median(contents[:5])


def _open(page: Page, link: str) -> float:
    started = time.monotonic()
    page.goto(link)
    page.locator("[class*='st-key-sender-']").first.wait_for()
    return time.monotonic() - started


def _share(place: Place, pid: int, seconds: float) -> float:
    """Return the share of a core that the page and its Postgres connections take."""
    time.sleep(_SETTLED)
    before = {one: _cpu(one) for one in (pid, *_backends(place))}
    time.sleep(seconds)
    spent = sum(_cpu(one) - before.get(one, 0) for one in (pid, *_backends(place)))
    return spent / seconds


def _backends(place: Place) -> list[int]:
    with psycopg.connect(place.database_url) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'pal-e-mail'"
            " AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        return [pid for (pid,) in rows]


def _cpu(pid: int) -> float:
    """Return the seconds that a process's threads ran, by the scheduler's own clock."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


@contextmanager
def _up(**environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `pal-e-mail up`, and yield it with the link that it prints."""
    port = free_port()
    ours = {**environment, "GOOGLE_CLIENT_ID": "benchmark", "GOOGLE_CLIENT_SECRET": "made-up"}
    command = [str(Path(sys.executable).with_name("pal-e-mail")), "up", "--port", str(port)]
    with subprocess.Popen(
        command, env=_without_empty({**os.environ, **ours}), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, _link(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGTERM)


def _without_empty(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if value}


def _link(line: str) -> str:
    found = re.search(r"http://\S+", line)
    if found is None:
        raise RuntimeError(f"pal-e-mail up did not start: {line}")
    return found[0]


def _get(url: str) -> None:
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).read()
        except urllib.error.URLError:
            time.sleep(0.01)
        else:
            return

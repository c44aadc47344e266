"""A worker in this process or another."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mailcore import Mailcore
from mailcore.worker import Worker
from tests.support.processes import environment_of

_ROOT = Path(__file__).parents[2]

#: A program on a host whose clock is wrong.
_WRONG_CLOCK = """
import datetime
real = datetime.datetime
class Wrong(real):
    @classmethod
    def now(cls, tz=None):
        return real.now(tz) + datetime.timedelta(seconds={ahead})
datetime.datetime = Wrong
"""


@contextmanager
def working(core: Mailcore, *, concurrency: int = 4) -> Iterator[Worker]:
    """Run a worker while the context lasts."""
    worker = Worker(core, concurrency=concurrency)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()
        worker.join()


@contextmanager
def worker_process(
    environment: Mapping[str, str], *, ahead: float = 0, quiet: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """Run a worker in a process of its own; it is killed at the end if it still runs.

    Args:
        environment: of the deployment.
        ahead: by how many seconds its clock is ahead of everybody's.
        quiet: what it logs is thrown away.
    """
    wrong = _WRONG_CLOCK.format(ahead=ahead) if ahead else ""
    process = subprocess.Popen(
        [sys.executable, "-c", f"{wrong}\nfrom tests.support.worker_process import main\nmain()"],
        cwd=_ROOT,
        env=environment_of(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if quiet else None,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "working\n"
            yield process
        finally:
            process.kill()


def main() -> None:
    """Work until SIGTERM; say so once the worker runs, and once it begins nothing new."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    core = Mailcore()
    with working(core) as worker:
        _say("working")
        while not stop.wait(0.5):  # another thread may get the signal, and wakes nobody
            pass
        worker.stop()
        _say("stopping")
    core.close()


def _say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()

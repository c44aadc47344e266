"""A worker in this process or another: `python -m tests.support.worker_process`."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mailcore import Mailcore
from mailcore.worker import Worker


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


def main() -> None:
    """Work until SIGTERM; say so once the worker runs."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    core = Mailcore()
    with working(core):
        sys.stdout.write("working\n")
        sys.stdout.flush()
        stop.wait()
    core.close()


if __name__ == "__main__":
    main()

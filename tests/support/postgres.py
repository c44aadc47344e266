"""A real Postgres for the tests, wherever they run, with nothing to install by hand."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailcore.store import embedded_postgres as embedded


class Server:
    """A server of Debian's that can crash."""

    def __init__(self, url: str, control: list[object], start: list[object]) -> None:
        self.url = url
        self._control = control
        self._start = start

    def crash(self) -> None:
        """End every process of it at once, without any last word; it recovers as it starts."""
        _run(*self._control, "-m", "immediate", "stop")
        _run(*self._control, *self._start)


@contextmanager
def crashing() -> Iterator[Server]:
    """Yield one.

    Raises:
        LookupError: Debian's Postgres is not installed.
    """
    binaries = _newest_binaries()
    if binaries is None:
        raise LookupError("No server in /usr/lib/postgresql.")
    directory = Path(tempfile.mkdtemp(prefix="pem-"))
    try:
        with _debian(binaries, directory) as found:
            yield found
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def server() -> Iterator[str]:
    """Yield the address of a server: ``TEST_DATABASE_URL``, Debian's Postgres, or the embedded."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    # Short, since the socket's path in it may have no more than 107 characters.
    directory = Path(tempfile.mkdtemp(prefix="pem-"))
    try:
        binaries = _newest_binaries()
        if binaries:
            with _debian(binaries, directory) as found:
                yield found.url
        else:
            with embedded.started(directory) as url:
                yield url
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _newest_binaries() -> Path | None:
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda binaries: float(binaries.parent.name), default=None)


@contextmanager
def _debian(binaries: Path, directory: Path) -> Iterator[Server]:
    # Postgres refuses to run as root; Debian's package made a user for it.
    become = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if become:
        shutil.chown(directory, "postgres")
    data = directory / "data"
    control: list[object] = [*become, binaries / "pg_ctl", "-w", "-D", data]
    _run(
        *become,
        binaries / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "-N",
    )
    options = f"-h '' -k {directory} -c fsync=off -c max_connections=300"
    start: list[object] = ["-l", directory / "log", "-o", options, "start"]
    _run(*control, *start)
    try:
        yield Server(f"postgresql://postgres@/postgres?host={directory}", control, start)
    finally:
        _run(*control, "-m", "immediate", "stop")


def _run(*command: object) -> None:
    subprocess.run(
        [str(part) for part in command],
        check=True,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    )

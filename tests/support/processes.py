"""Programs in processes of their own.

What a program does is tested in one that is forked from a process that has loaded the
libraries, since loading them takes longer than most tests. Everything else is its own: the
process, its environment, its streams, its end. What is about the start of a program, or about
what it loads, is tested in a fresh interpreter.
"""

import atexit
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.support.steps import ORDINARY

_ROOT = Path(__file__).parents[2]
#: What tells a program about a deployment; none of it comes from outside the test.
_OURS = ("PALEMAIL_", "GOOGLE_", "GMAIL_", "DATABASE_")

# numpy starts a thread for each core as it is loaded, and threads don't survive a fork.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(
    [
        __name__,
        "admin_ui.app",
        "admin_ui.reauth_dialog",
        "admin_ui.send_plot",
        "alembic.command",
        "anyio._backends._asyncio",
        "mailcore.cli.app",
        "mailcore.core",
        "mailcore.default",
        "mailcore.monitoring.doctor",
        "mailcore.reauth.authorizations",
        "mailcore.sending.delivery_log",
        # What Streamlit loads as it starts, and for the first page that it draws.
        "PIL.Image",
        "pandas",
        "pyarrow.compute",
        "pyarrow.pandas_compat",
        "streamlit.web.bootstrap",
        "uvicorn.lifespan.on",
        "uvicorn.loops.auto",
        "uvicorn.protocols.websockets.auto",
        "rich.console",
        "rich.status",
        "rich.table",
    ]
)


def environment_of(deployment: Mapping[str, str], **variables: str) -> dict[str, str]:
    """Return a process's environment, with these variables of a deployment and no others."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    # A wide terminal, so that no message is broken where a test looks for it.
    return {**outside, "COLUMNS": "200", **deployment, **variables}


class Forked:
    """A forked process, with the parts of `subprocess.Popen` that tests use.

    Args:
        main: what it runs, by its name in a module.
        arguments: what `main` is given.
        environment: its environment, whole.
        streams: the descriptors of its standard input, output and error. They stay open here.
    """

    def __init__(
        self,
        main: Callable[..., None],
        *arguments: object,
        environment: Mapping[str, str],
        streams: tuple[int, int, int],
    ) -> None:
        # For a fast run, which refuses this: multiprocessing announces nothing.
        sys.audit("pal-e-mail.tests.fork")
        # Connections, as multiprocessing hands no bare descriptor over.
        given = [Connection(os.dup(stream)) for stream in streams]
        self._process = _FORKING.Process(
            target=_run, args=(main, arguments, dict(environment), given)
        )
        self._process.start()
        for stream in given:
            stream.close()

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self._process.is_alive() and self._process.pid:
            # It may end in between; the fork server has then taken it off the process table.
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it at once, unless it has ended."""
        self._process.kill()

    def wait(self, timeout: float) -> int:
        """Return its exit code once it has ended.

        Raises:
            subprocess.TimeoutExpired: it runs for longer than so many seconds.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(str(self._process), timeout)
        return self._process.exitcode


def _run(
    main: Callable[..., None],
    arguments: tuple[object, ...],
    environment: dict[str, str],
    streams: list[Connection],
) -> None:
    # A shell that starts the tests in the background has them ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, stream in enumerate(streams):
        os.dup2(stream.fileno(), number)
        stream.close()
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - for good
        for number, mode in enumerate("rww")
    )
    os.environ.clear()  # it is that of whichever test came first
    os.environ.update(environment)
    time.tzset()
    try:
        main(*arguments)
    finally:
        # The end of an interpreter, which a forked process leaves out.
        atexit._run_exitfuncs()
        sys.stdout.flush()


def start_script(text: str, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start a program of its own, in which every warning counts."""
    return subprocess.Popen(
        [sys.executable, "-W", "error::ResourceWarning", "-c", text],
        env=environment_of(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(process: subprocess.Popen[str], given: str = "") -> str:
    """What the program printed; it must end well and complain of nothing."""
    printed, complaints = process.communicate(given, timeout=60)
    assert (process.returncode, complaints) == (0, "")
    return printed.strip()


@contextmanager
def job(environment: Mapping[str, str], **changes: Any) -> Iterator[subprocess.Popen[str]]:
    """Run `tests.support.job`; it is killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.job", json.dumps({**ORDINARY, **changes})],
        cwd=_ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def outcomes(process: subprocess.Popen[str]) -> list[dict[str, str]]:
    """Wait for a job, and return what came of each of its calls."""
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return [json.loads(line) for line in output.splitlines()]

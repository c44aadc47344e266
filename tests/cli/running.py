"""Running `pal-e-mail` as a person or a cron job does: the installed command, in a process."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The installed command, beside the interpreter that runs the tests.
COMMAND = str(Path(sys.executable).with_name("pal-e-mail"))
#: Seconds after which a hanging command fails its test.
PATIENCE = 120
#: What tells the command about a deployment; none of it comes from outside the test.
_OURS = ("PALEMAIL_", "GOOGLE_", "GMAIL_", "DATABASE_URL")


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, which is one JSON document and nothing else."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Cli:
    """Runs the command with a deployment's variables."""

    environment: Mapping[str, str]

    def __call__(self, *arguments: object, stdin: bytes = b"", **variables: str) -> Ran:
        done = subprocess.run(
            [COMMAND, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            env=variables_for(self.environment, **variables),
            timeout=PATIENCE,
            check=False,
        )
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def without(self, *names: str) -> "Cli":
        """Return the same without some variables."""
        return Cli({name: value for name, value in self.environment.items() if name not in names})


@dataclass(frozen=True)
class Running:
    """A command that has come so far as to print a line.

    Attributes:
        line: the line that was waited for.
        said: all that was printed so far, that line included.
        log: where its standard error goes.
    """

    process: "subprocess.Popen[str]"
    line: str
    said: str
    log: Path

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def wait(self) -> int:
        """Return its exit code once it has ended by itself."""
        return self.process.wait(PATIENCE)


@contextmanager
def started(
    *arguments: object, environment: Mapping[str, str], until: str, log: Path
) -> Iterator[Running]:
    """Start the command, and yield it once a line of its output holds a text."""
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [COMMAND, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=variables_for(environment),
        ) as process,
    ):
        try:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if until in line:
                    break
            said = "".join(lines)
            assert until in said, f"it ended early: {said}{log.read_text()}"
            yield Running(process, lines[-1].strip(), said, log)
        finally:
            process.kill()


def variables_for(environment: Mapping[str, str], **variables: str) -> dict[str, str]:
    """Return the process's environment, with these variables of a deployment and no others."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    # A wide terminal, so that no message is broken where a test looks for it.
    return {**outside, "COLUMNS": "200", **environment, **variables}


def free_port() -> int:
    """Return a port that nothing uses, below those that connections going out are given."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with suppress(OSError):
            socket.create_server(("127.0.0.1", port)).close()
            return port

"""Running `pal-e-mail` as a person or a cron job does."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

from tests.support.processes import Forked, environment_of

#: The installed command, beside the interpreter that runs the tests.
COMMAND = str(Path(sys.executable).with_name("pal-e-mail"))
#: Seconds after which a hanging command fails its test.
PATIENCE = 120

Program = Forked | subprocess.Popen[bytes]


def command_line(*arguments: str) -> None:
    """Be the command, in a process that was forked for it."""
    from mailcore.cli import main  # noqa: PLC0415 - loaded before the fork

    sys.argv = [COMMAND, *arguments]
    main()


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
        with ExitStack() as stack:
            given, out, err = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(3))
            given.write(stdin)
            given.seek(0)
            process = Forked(
                command_line,
                *map(str, arguments),
                environment=environment_of(self.environment, **variables),
                streams=(given.fileno(), out.fileno(), err.fileno()),
            )
            try:
                code = process.wait(PATIENCE)
            finally:
                process.kill()
            out.seek(0)
            err.seek(0)
            ran = Ran(code, out.read().decode(), err.read().decode())
        assert "Traceback" not in ran.err, ran.err
        return ran

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

    process: Program
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
    *arguments: object,
    environment: Mapping[str, str],
    until: str,
    log: Path,
    installed: bool = False,
) -> Iterator[Running]:
    """Start the command, and yield it once a line of its output holds a text.

    Args:
        arguments: its arguments.
        environment: a deployment's variables.
        until: the text that is waited for.
        log: where its standard error goes.
        installed: start the installed command itself, in an interpreter of its own.
    """
    with ExitStack() as stack:
        errors = stack.enter_context(log.open("w"))
        reader, writer = os.pipe()
        output = stack.enter_context(os.fdopen(reader))
        words = [str(argument) for argument in arguments]
        variables = environment_of(environment)
        process: Program
        if installed:
            process = subprocess.Popen(
                [COMMAND, *words], env=variables, stdout=writer, stderr=errors
            )
        else:
            nothing = stack.enter_context(Path(os.devnull).open())
            process = Forked(
                command_line,
                *words,
                environment=variables,
                streams=(nothing.fileno(), writer, errors.fileno()),
            )
        os.close(writer)
        # A text that never comes ends the process, and with it the reading.
        deadline = Timer(PATIENCE, process.kill)
        deadline.start()
        stack.callback(deadline.cancel)
        try:
            lines = []
            for line in output:
                lines.append(line)
                if until in line:
                    break
            said = "".join(lines)
            assert until in said, f"it ended early: {said}{log.read_text()}"
            yield Running(process, lines[-1].strip(), said, log)
        finally:
            process.kill()
            process.wait(PATIENCE)

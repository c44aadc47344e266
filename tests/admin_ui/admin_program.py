"""The admin page in a process of its own."""

import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from tests.support.processes import Forked

#: Seconds that it may take to start, and to stop.
_PATIENCE = 60


@dataclass
class Served:
    """A running admin page.

    Attributes:
        url: where it is, without a slash at the end.
        announced: the line that it printed when it listened.
    """

    url: str
    announced: str
    process: Forked
    output: IO[str]

    @classmethod
    def start(cls, port: int, environment: dict[str, str]) -> Self:
        """Start it, and return once it listens or has failed to."""
        reader, writer = os.pipe()
        with Path(os.devnull).open() as nothing:
            process = Forked(
                _serve, port, environment=environment, streams=(nothing.fileno(), writer, writer)
            )
        os.close(writer)
        if not select.select([reader], [], [], _PATIENCE)[0]:
            process.kill()  # it announces nothing then, which the caller tells
        output = os.fdopen(reader)
        return cls(f"http://localhost:{port}", output.readline(), process, output)

    def stop(self, number: int = signal.SIGTERM) -> str:
        """Ask it to stop, and return what it printed since it listened."""
        self.process.send_signal(number)
        try:
            self.process.wait(_PATIENCE)
        finally:
            self.process.kill()
            with self.output:
                printed = self.output.read()
        return printed


def _serve(port: int) -> None:
    from admin_ui.app import serve  # noqa: PLC0415 - loaded before the fork
    from mailcore import Mailcore  # noqa: PLC0415 - as above

    core = Mailcore()
    serve(core, host="127.0.0.1", port=port)
    core.close()
    print("stopped cleanly", flush=True)  # noqa: T201 - a test reads it

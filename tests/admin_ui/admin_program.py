"""The admin page in a process of its own, forked from one that has loaded the libraries.

Loading them takes longer than most tests do. Everything else is each test's own: the
process, its environment, its database, its Google.
"""

import multiprocessing
import os
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import IO, Self

_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(
    [__name__, "admin_ui.app", "admin_ui.reauth_dialog", "admin_ui.send_plot", "mailcore.core"]
)

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
    process: ForkServerProcess
    output: IO[str]

    @classmethod
    def start(cls, port: int, environment: dict[str, str]) -> Self:
        """Start it, and return once it listens or has failed to."""
        reader, writer = _FORKING.Pipe(duplex=False)
        process = _FORKING.Process(target=_serve, args=(port, environment, writer))
        process.start()
        writer.close()
        if not reader.poll(_PATIENCE):
            process.kill()  # it announces nothing then, which the caller tells
        output = os.fdopen(os.dup(reader.fileno()))
        reader.close()
        return cls(f"http://localhost:{port}", output.readline(), process, output)

    def stop(self, number: int = signal.SIGTERM) -> str:
        """Ask it to stop, and return what it printed since it listened."""
        if self.process.pid is not None and self.process.is_alive():
            os.kill(self.process.pid, number)
        self.process.join(timeout=_PATIENCE)
        stopped = not self.process.is_alive()
        self.process.kill()
        with self.output:
            printed = self.output.read()
        assert stopped, f"It did not stop within {_PATIENCE} s. It printed:\n{printed}"
        return printed


def _serve(port: int, environment: dict[str, str], writer: Connection) -> None:
    for number in (1, 2):
        os.dup2(writer.fileno(), number)
    writer.close()
    os.environ.clear()  # it is that of whichever test came first
    os.environ.update(environment)
    from admin_ui.app import serve  # noqa: PLC0415 - loaded before the fork
    from mailcore import Mailcore  # noqa: PLC0415 - as above

    core = Mailcore()
    serve(core, host="127.0.0.1", port=port)
    core.close()
    print("stopped cleanly", flush=True)  # noqa: T201 - a test reads it

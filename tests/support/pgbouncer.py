"""A real PgBouncer, as many clouds put one between a program and Postgres."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tests.support.driving import eventually
from tests.support.ports import free_port

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

_CONFIG = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listens_at}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {sessions}
"""


@contextmanager
def pooled(database_url: str, *, sessions: int = 4) -> Iterator[str]:
    """Yield the address of a database by way of a PgBouncer in transaction mode.

    Args:
        database_url: where the database is.
        sessions: how many of the server's sessions all clients share.
    """
    assert PROGRAM
    server = conninfo_to_dict(database_url)
    with tempfile.TemporaryDirectory(prefix="pgb-") as folder:
        config = Path(folder) / "pgbouncer.ini"
        listens_at = free_port()
        config.write_text(
            _CONFIG.format(
                host=server["host"],
                port=server.get("port", 5432),
                user=server.get("user", "postgres"),
                listens_at=listens_at,
                sessions=sessions,
            )
        )
        command = [PROGRAM, str(config)]
        if os.geteuid() == 0:  # which it refuses to run as
            shutil.chown(folder, "postgres")
            Path(folder).chmod(0o755)
            command = ["runuser", "-u", "postgres", "--", *command]
        url = f"postgresql://postgres@127.0.0.1:{listens_at}/{server['dbname']}"
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                eventually(lambda: _answers(url))
                yield url
            finally:
                process.terminate()


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True

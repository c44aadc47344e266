"""Start what is in the images: it refuses, migrates, serves and stops as the docs say."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3

sys.path.insert(0, os.fspath(Path(__file__).parent.parent))
from tests.support import postgres
from tests.support.ports import free_port
from tests.support.swallowing import swallowing

#: As in the Dockerfile.
USER = "10001:10001"
CHROOT = shutil.which("chroot") or "/usr/sbin/chroot"
PATIENCE = 60


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def unpacked(image: str) -> Iterator[str]:
    """Yield the root of an image's files."""
    container = output("buildah", "from", image)
    try:
        yield output("buildah", "mount", container)
    finally:
        output("buildah", "rm", container)


def start(root: str, *command: str, **settings: str) -> "subprocess.Popen[str]":
    """Start a program of the image, as its user, with no more than its own environment."""
    variables = {
        "PATH": "/opt/pal-e-mail/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": "/var/lib/pal-e-mail",
        "PALEMAIL_DATA_DIR": "/var/lib/pal-e-mail",
        "PYTHONUNBUFFERED": "1",
        **settings,
    }
    return subprocess.Popen(
        [CHROOT, f"--userspec={USER}", root, *command],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ends(process: "subprocess.Popen[str]", seconds: float = PATIENCE) -> tuple[int, str]:
    printed, _ = process.communicate(timeout=seconds)
    return process.returncode, printed


def answers(process: "subprocess.Popen[str]", url: str) -> None:
    """Wait until an address answers 200."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"It ended: {ends(process)}")
        try:
            if urllib3.request("GET", url, retries=False, timeout=5).status == 200:
                return
        except urllib3.exceptions.HTTPError:
            time.sleep(0.2)
    sys.exit(f"{url} did not answer.")


def stops(process: "subprocess.Popen[str]", seconds: float) -> None:
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code, printed = ends(process, seconds)
    assert code == 0, (code, printed)
    print(f"  stopped in {time.monotonic() - begun:.1f} s")


def check_worker(database: str) -> None:
    """The smaller image: no Streamlit, and all but the page."""
    with unpacked("pal-e-mail:worker") as root:
        code, printed = ends(start(root, "python", "-c", "import streamlit"))
        assert code, printed
        refused = ends(start(root, "pal-e-mail", "worker"))
        assert refused[0], refused
        print(f"  without a database it ends with {refused[0]}")
        migrated = ends(start(root, "pal-e-mail", "migrate", DATABASE_URL=database))
        assert migrated[0] == 0, migrated
        port = free_port()
        worker = start(
            root, "pal-e-mail", "worker", "--health-port", str(port), DATABASE_URL=database
        )
        answers(worker, f"http://127.0.0.1:{port}/readyz")
        stops(worker, 40)
        port = free_port()
        callback = start(
            root,
            *("uvicorn", "--factory", "callback.app:create_app", "--port", str(port)),
            DATABASE_URL=database,
        )
        answers(callback, f"http://127.0.0.1:{port}/readyz")
        callback.terminate()
        ends(callback)


def check_web(database: str) -> None:
    """The page: only with a login."""
    with unpacked("pal-e-mail:web") as root:
        up = ("pal-e-mail", "up", "--host", "0.0.0.0")
        refused = ends(start(root, *up, DATABASE_URL=database))
        assert refused[0], refused
        assert "login" in refused[1], refused
        print(f"  without a login it ends with {refused[0]}")
        port = free_port()
        settings = {
            "DATABASE_URL": database,
            "PALEMAIL_ADMIN_EMAILS": "ann@example.com",
            "PALEMAIL_PUBLIC_URL": f"http://localhost:{port}",
            "GOOGLE_CLIENT_ID": "id",
            "GOOGLE_CLIENT_SECRET": "secret",
        }
        begun = time.monotonic()
        page = start(root, *up, "--port", str(port), **settings)
        answers(page, f"http://localhost:{port}/readyz")
        print(f"  ready in {time.monotonic() - begun:.1f} s")
        stops(page, 40)


def size(image: str) -> str:
    return output("buildah", "images", "--format", "{{.Size}}", image).splitlines()[0]


if __name__ == "__main__":
    # Over TCP: a container sees no socket of the host's.
    with postgres.server() as server, swallowing(server) as (url, _):
        print(f"pal-e-mail:worker, {size('pal-e-mail:worker')}")
        check_worker(url)
        print(f"pal-e-mail:web, {size('pal-e-mail:web')}")
        check_web(url)

"""`up`: one process, one port, and nothing left behind."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import urllib3

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.cli.running import COMMAND, PATIENCE, Cli, started
from tests.support.authorise import ACCOUNT
from tests.support.ports import free_port
from tests.support.processes import environment_of

SERVING = "pal-e-mail is at "


def get(url: str) -> "urllib3.BaseHTTPResponse":
    return urllib3.request("GET", url, timeout=10.0, retries=False, redirect=False)


def test_page_and_callback_on_one_port(
    environment: dict[str, str], core: Mailcore, google: GoogleSandbox, tmp_path: Path
) -> None:
    """Page, health and callback share the port; a re-auth begun in a terminal ends here."""
    port = free_port()
    url = f"http://localhost:{port}"
    core.senders.register("alerts", gmail_account=ACCOUNT, by="test")
    with started(
        "up", "--port", port, environment=environment, until=SERVING, log=tmp_path / "up",
        installed=True,
    ) as up:  # fmt: skip
        assert get(url).status == 403
        assert get(up.line.split()[3]).status == 303
        assert get(f"{url}/healthz").status == 200
        with started(
            "auth", "alerts", until="http", log=tmp_path / "auth",
            environment={**environment, "PALEMAIL_PUBLIC_URL": url},
        ) as auth:  # fmt: skip
            back = google.consent(auth.line)
            assert back.startswith(f"{url}/senders/callback?")
            assert b"healthy" in urllib3.request("GET", back).data
            assert auth.wait() == 0
        assert "Warning" not in auth.log.read_text()
        assert up.stop() == 0
    assert "Traceback" not in up.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
def test_embedded_postgres(
    embedded: dict[str, str], data: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Without DATABASE_URL a Postgres is there, for other commands too, until the end."""
    port = free_port()
    lock_file = data / "postgres" / "postmaster.pid"
    with started(
        "up", "--port", port, environment=embedded, until=SERVING, log=tmp_path / "log"
    ) as up:
        assert lock_file.exists()
        cli = Cli(embedded)
        assert cli("senders", "add", "alerts").code == 0
        assert get(f"http://localhost:{port}/readyz").status == 200
        assert up.stop(number) == 0
    assert not lock_file.exists()
    assert "DATABASE_URL is not set: running Postgres in" in up.log.read_text()
    assert up.log.read_text().count("Stopped.\n") == 1
    assert "Traceback" not in up.log.read_text()


def being_made(cluster: Path) -> bool:
    return any(cluster.parent.glob("*/PG_VERSION"))


def coming_up(cluster: Path) -> bool:
    """Say whether the server itself is there; a negative number is one that fills the cluster."""
    with suppress(FileNotFoundError):
        return (cluster / "postmaster.pid").read_text()[:1].isdigit()
    return False


@pytest.mark.parametrize("moment", [being_made, coming_up])
def test_stopped_while_starting(
    embedded: dict[str, str], data: Path, moment: Callable[[Path], bool]
) -> None:
    """A SIGTERM that comes while the Postgres starts leaves none running."""
    cluster = data / "postgres"
    with subprocess.Popen(
        [COMMAND, "up", "--port", str(free_port())], env=environment_of(embedded),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        while not moment(cluster):
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.005)
                raise AssertionError(f"it ended early: {process.communicate()}")
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert said.count("Stopped.\n") == 1
    assert "Traceback" not in said
    assert not (cluster / "postmaster.pid").exists()


def test_open_address_needs_a_login(cli: Cli) -> None:
    """An address that others can reach is refused, with the ways to a login."""
    ran = cli("up", "--host", "0.0.0.0", "--port", free_port())  # noqa: S104 - refused
    assert ran.code == 78
    assert "PALEMAIL_ADMIN_EMAILS" in ran.err
    assert "--no-login" in ran.err


def test_what_is_refused_leaves_the_database_alone(
    environment: dict[str, str], empty_database_url: str
) -> None:
    """A public address without a login makes no tables before it says so."""
    cli = Cli({**environment, "DATABASE_URL": empty_database_url})
    ran = cli("up", "--port", free_port(), PALEMAIL_PUBLIC_URL="https://mail.example.com")
    assert ran.code == 78
    assert "Refusing to be at https://mail.example.com" in ran.err
    with psycopg.connect(empty_database_url) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert found.fetchone() == (0,)


def test_no_login(environment: dict[str, str], tmp_path: Path) -> None:
    """--no-login opens it all the same."""
    port = free_port()
    with started(
        "up", "--host", "0.0.0.0", "--port", port, "--no-login",  # noqa: S104 - asked for
        environment=environment, until=SERVING, log=tmp_path / "log",
    ) as up:  # fmt: skip
        assert "token" not in up.line
        assert b"streamlit" in get(f"http://localhost:{port}/").data.lower()
        assert up.stop() == 0


@pytest.mark.parametrize("command", ["up", "demo"])
def test_port_in_use(cli: Cli, command: str) -> None:
    """A port that is taken is named before anything is started."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        ran = cli(command, "--port", port)
    assert ran.code == 78
    assert ran.err == (
        f"Error: Cannot listen on 127.0.0.1, port {port}: Address already in use. Choose another "
        "port with --port, or stop what uses it.\n"
    )


@pytest.mark.parametrize("command", ["up", "demo"])
def test_extra_is_missing(environment: dict[str, str], command: str) -> None:
    """Without Streamlit the command names the extra that brings it; others don't need it."""
    without_streamlit = (
        "import sys; sys.modules['streamlit'] = None; "
        "from mailcore.cli import main; sys.argv = ['pal-e-mail', *sys.argv[1:]]; main()"
    )
    ran = {
        arguments: subprocess.run(
            [sys.executable, "-c", without_streamlit, *arguments],
            env=environment_of(environment),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        for arguments in ((command,), ("senders", "list"))
    }
    assert ran[command,].returncode == 78
    assert "pip install 'pal-e-mail[admin,callback]'" in ran[command,].stderr
    assert ran["senders", "list"].returncode == 0


def test_a_container_published_on_loopback(environment: dict[str, str], tmp_path: Path) -> None:
    """--link listens for other addresses, too, and lets in whoever has the link."""
    port = free_port()
    with started(
        "up", "--host", "0.0.0.0", "--port", port, "--link",  # noqa: S104 - asked for
        environment=environment, until=SERVING, log=tmp_path / "log",
    ) as up:  # fmt: skip
        assert get(f"http://localhost:{port}/").status == 403
        assert get(up.line.split()[3]).status == 303
        assert up.stop() == 0

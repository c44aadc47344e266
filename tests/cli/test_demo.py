"""`demo`: the five minutes of somebody who has just cloned this."""

import shlex
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import urllib3

from tests.cli.running import PATIENCE, Cli, Running, started
from tests.support.driving import eventually
from tests.support.ports import free_port
from tests.support.processes import environment_of

pytestmark = pytest.mark.process

READY = "pal-e-mail is at "


@pytest.fixture
def environment(data: Path) -> dict[str, str]:
    """A machine on which nothing is set up."""
    return {"PALEMAIL_DATA_DIR": str(data)}


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def demo(environment: dict[str, str], port: int, tmp_path: Path) -> Iterator[Running]:
    """The demo, serving."""
    with started(
        "demo", "--port", port, environment=environment, until=READY, log=tmp_path / "log",
        installed=True,
    ) as running:  # fmt: skip
        yield running


def second_terminal(commands: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Type commands into a shell that knows nothing of the demo, and is somewhere else."""
    return subprocess.run(
        ["bash", "-c", commands],
        cwd=folder,
        env={**environment_of({}), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def variables(directory: Path) -> dict[str, str]:
    """Read what `source` would set."""
    words = shlex.split((directory / "env").read_text())
    given = dict(word.split("=", 1) for word in words if word != "export")
    given.pop("PATH")
    return given


def statuses(cli: Cli) -> dict[str, str]:
    """Return what the list shows of each sender: *expiring* is a fact about a healthy one."""
    return {
        each["alias"]: "expiring" if each["expiring"] else each["status"]
        for each in cli("senders", "list", "--json").json["senders"]
    }


def test_from_start_to_stop(demo: Running, data: Path, port: int, tmp_path: Path) -> None:
    """Re-auth, and what waited goes out; type what it says, anywhere, and another one is sent."""
    env = data / "demo" / "env"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    link = demo.line.split()[3]
    assert demo.said.count(link) == 2
    assert urllib3.request("GET", f"http://localhost:{port}/").status == 403
    assert urllib3.request("GET", link, redirect=False).status == 303
    eventually(lambda: "Platform: 1 expired" in outbox(data), seconds=60)
    commands = demo.said.partition("through it:")[2].partition("Each demo")[0]
    refused = second_terminal(commands, tmp_path)
    assert refused.returncode == 77
    assert f"http://localhost:{port}" in refused.stderr
    with started(
        "auth", "alerts", environment=variables(data / "demo"), until="http", log=data / "auth"
    ) as auth:
        allow(auth.line)
        assert auth.wait() == 0
    eventually(lambda: outbox(data).count("Service web is down") == 3)
    ran = second_terminal(commands, tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "you@example.com" in outbox(data)
    assert demo.stop(signal.SIGINT) == 0
    assert not (data / "demo" / "postgres" / "postmaster.pid").exists()
    assert "Traceback" not in demo.log.read_text()
    assert demo.log.read_text().splitlines()[-1] == "Stopped."


def test_four_senders(demo: Running, data: Path) -> None:
    """There is one sender in each state, with a history; asking Google again changes none."""
    cli = Cli(variables(data / "demo"))
    expected = {
        "newsletter": "healthy", "billing": "expiring", "alerts": "expired", "reports": "pending",
    }  # fmt: skip
    assert statuses(cli) == expected
    assert cli("check").code == 1
    assert statuses(cli) == expected
    page = cli("deliveries", "list", "--limit", "100", "--json").json
    assert {each["status"] for each in page["deliveries"]} == {
        "sent", "failed", "unknown", "held", "queued",
    }  # fmt: skip
    waiting = {
        each["alias"]: each["queued"] for each in cli("senders", "list", "--json").json["senders"]
    }
    assert waiting == {"alerts": 12, "newsletter": 2, "reports": 1, "billing": 1}
    assert len({each["created_at"][:10] for each in page["deliveries"]}) > 4
    events = cli("senders", "show", "alerts", "--json").json["events"]
    assert [each["what"] for each in events] == ["expired", "reauthorized", "registered"]


def test_starts_anew(environment: dict[str, str], data: Path, port: int) -> None:
    """After a demo that was killed, the next one starts with its samples again, all true."""
    arguments = ("demo", "--port", port)
    with started(*arguments, environment=environment, until=READY, log=data / "1") as first:
        assert Cli(variables(data / "demo"))("senders", "remove", "newsletter", "--yes").code == 0
        first.process.kill()
        first.wait()
    with started(*arguments, environment=environment, until=READY, log=data / "2") as second:
        cli = Cli(variables(data / "demo"))
        assert len(statuses(cli)) == 4
        assert cli("check", "newsletter", "billing").code == 0
        rival = Cli(environment)("demo", "--port", free_port())
        assert rival.code == 78
        assert "A demo is already running" in rival.err
        assert second.stop() == 0
    assert not (data / "demo" / "postgres" / "postmaster.pid").exists()


def test_keeps_off_real_senders(
    environment: dict[str, str], database_url: str, port: int, data: Path
) -> None:
    """In a database of DATABASE_URL it works too, but never among senders of one's own."""
    on_database = {**environment, "DATABASE_URL": database_url}
    for _ in range(2):  # the second time it finds the first one's senders
        with started(
            "demo", "--port", port, environment=on_database, until=READY, log=data / "log"
        ) as demo:
            cli = Cli(variables(data / "demo"))
            assert len(statuses(cli)) == 4
            assert demo.stop() == 0
    own = Cli(on_database)
    assert own("senders", "add", "mine").code == 0
    refused = own("demo", "--port", port)
    assert refused.code == 78
    assert "senders of your own" in refused.err
    assert len(statuses(own)) == 5


def outbox(data: Path) -> str:
    """Return what the stand-in shows of the messages that it has taken."""
    return urllib3.request("GET", f"{google(data)}/outbox").data.decode()


def google(data: Path) -> str:
    """Return the stand-in's address."""
    return variables(data / "demo")["PALEMAIL_GMAIL_API_ENDPOINT"].rstrip("/")


def allow(link: str) -> None:
    """Press Continue on the consent page, and follow the way back."""
    query = dict(parse_qsl(urlsplit(link).query))
    fields = [("account", query["login_hint"]), ("decision", "allow")]
    fields += [("scope", scope) for scope in query["scope"].split()]
    answer = urllib3.request(
        "POST",
        link,
        body=urlencode(fields),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status == 200

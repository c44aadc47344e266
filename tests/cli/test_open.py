"""`open`: the link that `up` printed, again, for whoever may read the deployment's secrets."""

import stat
from pathlib import Path

import pytest
import urllib3

from tests.cli.running import Cli, started
from tests.support.ports import free_port


@pytest.fixture
def browser(tmp_path: Path) -> Path:
    """A browser that only notes what it was started with."""
    program = tmp_path / "browser"
    program.write_text('#!/bin/sh\necho "$@" > "$0.opened"\n')
    program.chmod(0o755)
    return program


def test_open_prints_the_link_of_the_running_page(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """The same one, and it lets a browser in."""
    port = free_port()
    with started(
        "up", "--port", port, environment=environment, until="pal-e-mail is at ",
        log=tmp_path / "up",
    ) as up:  # fmt: skip
        link = Cli(environment)("open", "--port", port).out.strip()
        assert link == up.line.split()[3]
        assert link.startswith(f"http://localhost:{port}/?token=")
        assert urllib3.request("GET", link, redirect=False).status == 303
        assert up.stop() == 0
    assert "token" not in up.log.read_text()


def test_the_browser_is_not_started_with_the_token(
    cli: Cli, environment: dict[str, str], browser: Path
) -> None:
    """Which everybody on the machine could read; a file that only its owner may read leads on."""
    ran = cli("open", BROWSER=f"{browser} %s")
    link = ran.out.strip()
    opened = Path(f"{browser}.opened").read_text().strip()
    assert opened.startswith("file://")
    assert "token" not in opened
    file = Path(opened.removeprefix("file://"))
    assert file.is_relative_to(environment["PALEMAIL_DATA_DIR"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert link in file.read_text()
    assert cli("open", BROWSER=f"{browser} %s").code == 0


def test_with_a_login_there_is_no_token(cli: Cli) -> None:
    """The address is all that people need."""
    url = "https://mail.example.com"
    for name in ("PALEMAIL_ADMIN_EMAILS", "PALEMAIL_TRUSTED_USER_HEADER"):
        known = Cli({**cli.environment, name: "ann@example.com"})
        ran = known("open", PALEMAIL_PUBLIC_URL=url)
        assert ran.out == f"{url}\n"


def test_without_a_deployment_it_says_what_is_missing(cli: Cli, tmp_path: Path) -> None:
    """No database is running: then there is no page, either."""
    ran = cli.without("DATABASE_URL")("open", PALEMAIL_DATA_DIR=str(tmp_path / "none"))
    assert ran.code == 78
    assert "up" in ran.err

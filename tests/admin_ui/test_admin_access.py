"""Who may use the page, and on which addresses it dares to listen."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from admin_ui.access import is_loopback, login_mode, require_login_client
from admin_ui.deployment import LoginMode
from mailcore import ConfigurationError, Mailcore, Settings

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "::1"])
def test_on_this_machine_nobody_logs_in(host: str) -> None:
    """`pal-e-mail up` works at once on a laptop, for whoever sees the link that it prints."""
    assert is_loopback(host)
    assert login_mode(host, Settings()) is LoginMode.LINK
    assert login_mode(host, Settings(), no_login=True) is LoginMode.OPEN


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "mail.example.com"])  # noqa: S104 - that is the point
def test_where_others_could_reach_it_it_refuses_without_a_login(host: str) -> None:
    """The refusal names each way out."""
    with pytest.raises(ConfigurationError) as refusal:
        login_mode(host, Settings())
    for way in ("PALEMAIL_ADMIN_EMAILS", "PALEMAIL_TRUSTED_USER_HEADER", "--no-login"):
        assert way in str(refusal.value)
    assert login_mode(host, Settings(), no_login=True) is LoginMode.OPEN


def test_a_container_that_only_this_machine_reaches_is_opened_by_the_link() -> None:
    """Its own address is not loopback; a public one needs a login all the same."""
    assert login_mode("0.0.0.0", Settings(), link=True) is LoginMode.LINK  # noqa: S104 - as above
    for host in ("0.0.0.0", "127.0.0.1"):  # noqa: S104 - as above
        with pytest.raises(ConfigurationError, match="Refusing to be at"):
            login_mode(host, Settings(public_url="https://mail.example.com"), link=True)


def test_an_allow_list_means_a_login_everywhere() -> None:
    """On loopback, too: a tunnel may lead there."""
    settings = Settings(admin_emails=("ann@example.com",))
    assert login_mode("0.0.0.0", settings) is LoginMode.OIDC  # noqa: S104 - that is the point
    assert login_mode("127.0.0.1", settings) is LoginMode.OIDC


def test_a_proxys_header_goes_before_the_own_login() -> None:
    """Who is logged in at the proxy is not asked again."""
    settings = Settings(admin_emails=("ann@example.com",), trusted_user_header="X-Email")
    assert login_mode("0.0.0.0", settings) is LoginMode.HEADER  # noqa: S104 - that is the point


@pytest.mark.parametrize("url", ["https://mail.example.com", "http://10.0.0.7:8501"])
def test_a_public_address_needs_a_login_even_on_loopback(url: str) -> None:
    """Behind a proxy everybody reaches it, whatever it listens on."""
    with pytest.raises(ConfigurationError, match="Refusing to be at"):
        login_mode("127.0.0.1", Settings(public_url=url))
    assert login_mode("127.0.0.1", Settings(public_url=url), no_login=True) is LoginMode.OPEN


@pytest.mark.parametrize(
    "who", [{"admin_emails": ("ann@example.com",)}, {"trusted_user_header": "X-Email"}]
)
def test_no_login_beside_a_list_of_who_may_is_refused(who: dict[str, Any]) -> None:
    """Neither silently wins over the other."""
    with pytest.raises(ConfigurationError, match="--no-login lets people in without a login"):
        login_mode("127.0.0.1", Settings(**who), no_login=True)
    with pytest.raises(ConfigurationError, match="--link lets people in without a login"):
        login_mode("127.0.0.1", Settings(**who), link=True)


def composed(tmp_path: Path, **variables: str) -> list[str]:
    """Run what compose.yaml starts, with a command that prints what it was given."""
    service = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["pal-e-mail"]
    program = tmp_path / "pal-e-mail"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    ran = subprocess.run(
        [part.replace("$$", "$") for part in service["entrypoint"]],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.split()


def test_compose_has_a_login_once_one_variable_is_set(tmp_path: Path) -> None:
    """And without one it opens by the link, on this machine's address only."""
    here, public = "http://localhost:8501", "https://mail.example.com"
    open_here = ["up", "--host", "0.0.0.0", "--no-worker", "--link"]  # noqa: S104 - in its container
    assert composed(tmp_path, PALEMAIL_PUBLIC_URL=here) == open_here
    assert composed(tmp_path, PALEMAIL_PUBLIC_URL=public) == open_here[:-1]
    for name in (
        "PALEMAIL_ADMIN_EMAILS",
        "PALEMAIL_SIGNED_USER_HEADER",
        "PALEMAIL_TRUSTED_USER_HEADER",
    ):
        given = composed(tmp_path, **{name: "ann@example.com", "PALEMAIL_PUBLIC_URL": here})
        assert given == ["up", "--host", "0.0.0.0", "--no-worker"]  # noqa: S104 - in its container


def test_a_login_without_a_client_is_refused_at_the_start(database_url: str) -> None:
    """Rather than at the first visit, when nobody could get in to set one up."""
    core = Mailcore(Settings(database_url=database_url, admin_emails=("ann@example.com",)))
    with pytest.raises(ConfigurationError, match="GOOGLE_CLIENT_ID"):
        require_login_client(core)
    core.close()

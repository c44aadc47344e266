"""Who may use the page, and on which addresses it dares to listen."""

import pytest

from admin_ui.access import is_loopback, login_mode, login_secrets
from admin_ui.deployment import LoginMode
from mailcore import ConfigurationError, Mailcore, Settings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "::1"])
def test_on_this_machine_nobody_logs_in(host: str) -> None:
    """`pal-e-mail up` works at once on a laptop."""
    assert is_loopback(host)
    assert login_mode(host, Settings()) is LoginMode.OPEN


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "mail.example.com"])  # noqa: S104 - that is the point
def test_where_others_could_reach_it_it_refuses_without_a_login(host: str) -> None:
    """The refusal names each way out."""
    with pytest.raises(ConfigurationError) as refusal:
        login_mode(host, Settings())
    for way in ("PALEMAIL_ADMIN_EMAILS", "PALEMAIL_TRUSTED_USER_HEADER", "--no-login"):
        assert way in str(refusal.value)
    assert login_mode(host, Settings(), no_login=True) is LoginMode.OPEN


def test_an_allow_list_means_a_login_everywhere() -> None:
    """On loopback, too: a tunnel may lead there."""
    settings = Settings(admin_emails=("ann@example.com",))
    assert login_mode("0.0.0.0", settings) is LoginMode.OIDC  # noqa: S104 - that is the point
    assert login_mode("127.0.0.1", settings) is LoginMode.OIDC


def test_a_proxys_header_goes_before_the_own_login() -> None:
    """Who is logged in at the proxy is not asked again."""
    settings = Settings(admin_emails=("ann@example.com",), trusted_user_header="X-Email")
    assert login_mode("0.0.0.0", settings) is LoginMode.HEADER  # noqa: S104 - that is the point


def test_a_login_without_a_client_is_refused_at_the_start(database_url: str) -> None:
    """Rather than at the first visit, when nobody could get in to set one up."""
    core = Mailcore(Settings(database_url=database_url, admin_emails=("ann@example.com",)))
    with pytest.raises(ConfigurationError, match="GOOGLE_CLIENT_ID"):
        login_secrets(core)
    core.close()

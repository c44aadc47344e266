"""Who is looking at the page, and whether they may.

`visitor` is the only way by which a page gets at mailcore, so nothing is drawn, and
nothing done, for somebody who may not see it.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import streamlit as st

from admin_ui import heading
from admin_ui.deployment import Deployment, LoginMode, installed
from admin_ui.markup import escaped
from mailcore import ConfigurationError, Mailcore, Settings
from mailcore import is_loopback as is_loopback_url

#: How deeds are recorded where nobody logs in.
ANYBODY = "admin"


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a page works with.

    Attributes:
        core: the process's mailcore.
        by: the visitor's name, for the audit trail.
    """

    core: Mailcore
    by: str


def login_mode(host: str, settings: Settings, *, no_login: bool = False) -> LoginMode:
    """Decide how visitors are told apart on an address.

    Args:
        host: the address to listen on, by name or number.
        settings: the deployment's settings.
        no_login: whether the operator asked for a page that anybody may use.

    Raises:
        ConfigurationError: others than this machine's users could reach the page, and
            nothing says who may; or everybody may, and some setting says who.
    """
    if no_login:
        _require_no_list(settings)
        return LoginMode.OPEN
    if settings.trusted_user_header:
        return LoginMode.HEADER
    if settings.admin_emails:
        return LoginMode.OIDC
    if is_loopback(host) and is_loopback_url(settings.public_url):
        return LoginMode.OPEN
    where = f"be at {settings.public_url}" if is_loopback(host) else f"listen on {host}"
    raise ConfigurationError(
        f"Refusing to {where}: others could reach the page, and no login is configured.",
        remedy="Set PALEMAIL_ADMIN_EMAILS to the addresses that may log in with Google, or "
        "PALEMAIL_TRUSTED_USER_HEADER to the header in which your proxy names the user, or give "
        "--no-login to let in anyone who can reach it.",
    )


def _require_no_list(settings: Settings) -> None:
    contradicted = [
        name
        for name, value in (
            ("PALEMAIL_ADMIN_EMAILS", settings.admin_emails),
            ("PALEMAIL_TRUSTED_USER_HEADER", settings.trusted_user_header),
        )
        if value
    ]
    if contradicted:
        raise ConfigurationError(
            f"--no-login lets everybody in, but {' and '.join(contradicted)} says who may.",
            remedy="Drop the flag, or unset the other.",
        )


def is_loopback(host: str) -> bool:
    """Say whether an address to listen on is for this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def login_secrets(core: Mailcore) -> dict[str, Any]:
    """Return what ``st.login`` needs, in the shape in which Streamlit takes it.

    Raises:
        ConfigurationError: no OAuth client is set up, so that nobody could log in.
    """
    try:
        login = core.login()
    except ConfigurationError as exc:
        raise ConfigurationError(
            f"Logging in needs an OAuth client. {exc} To set one up on the page itself, start "
            "once on 127.0.0.1 with --no-login."
        ) from exc
    return {
        "auth": {
            "redirect_uri": login.redirect_uri,
            "cookie_secret": login.cookie_secret,
            "client_id": login.client_id,
            "client_secret": login.client_secret,
            "server_metadata_url": login.server_metadata_url,
        }
    }


def visitor() -> Visitor:
    """Return the visitor's visitor; draw a refusal and stop where they may not have one."""
    deployment = installed()
    match deployment.login:
        case LoginMode.OPEN:
            name = ANYBODY
        case LoginMode.HEADER:
            name = _named_by_proxy(deployment)
        case LoginMode.OIDC:
            name = _logged_in(deployment)
    return Visitor(deployment.core, name)


def can_log_out() -> bool:
    """Say whether the page should offer a way to log out."""
    return installed().login is LoginMode.OIDC


def _named_by_proxy(deployment: Deployment) -> str:
    settings = deployment.core.settings
    name = (st.context.headers.get(settings.trusted_user_header or "") or "").strip()
    if not name:
        heading.draw("Not logged in")
        st.error(
            "The proxy in front of this page did not say who you are. It is expected to send "
            f"the header {settings.trusted_user_header}.",
            icon=":material/lock:",
        )
        st.stop()
    if settings.admin_emails and not _listed(name, settings):
        heading.draw("No access")
        st.error(f"{escaped(name)} is not on the list of admins.", icon=":material/lock:")
        st.stop()
    return name


def _logged_in(deployment: Deployment) -> str:
    if not st.user.is_logged_in:
        heading.draw("Log in")
        st.write("Log in to see the senders and to re-authorise them.")
        st.button("Log in with Google", type="primary", icon=":material/login:", on_click=st.login)
        st.stop()
    email = str(st.user.get("email") or "")
    verified = st.user.get("email_verified", True) in {True, "true"}
    if not (verified and _listed(email, deployment.core.settings)):
        heading.draw("No access")
        st.error(
            f"{escaped(email) or 'This account'} is not on the list of admins. Ask whoever runs "
            "this deployment to add it to PALEMAIL_ADMIN_EMAILS, or log in with another account.",
            icon=":material/lock:",
        )
        st.button("Log out", icon=":material/logout:", on_click=st.logout)
        st.stop()
    return email


def _listed(email: str, settings: Settings) -> bool:
    return email.casefold() in {listed.casefold() for listed in settings.admin_emails}

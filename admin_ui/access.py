"""Who is looking at the page, and whether they may.

`admin_ui.gate` checks every request. Pages get at mailcore only through `visitor`, which checks
again, so an open tab stops working once its visitor has logged out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

import streamlit as st

from admin_ui.deployment import Deployment, LoginMode, installed
from mailcore import ConfigurationError, Mailcore, NotAdmitted, Settings
from mailcore import is_loopback as is_loopback_url

#: How deeds are recorded where nobody logs in.
ANYBODY = "admin"

_RELOAD = "<script>window.location.reload()</script>"


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a page works with.

    Attributes:
        core: the process's mailcore.
        by: the visitor's name, for the audit trail.
    """

    core: Mailcore
    by: str


def login_mode(
    host: str, settings: Settings, *, no_login: bool = False, link: bool = False
) -> LoginMode:
    """Decide how visitors are identified at an address.

    Args:
        host: the address to listen on, by name or number.
        settings: the deployment's settings.
        no_login: whether the operator asked for a page that anyone may use.
        link: whether the operator says that only this machine can reach the address, as when a
            container's port is published on loopback.

    Raises:
        ConfigurationError: people other than this machine's users could reach the page, and no
            setting says who may; or a flag lets everyone in, although a setting says who may.
    """
    if no_login or link:
        _require_no_list(settings, "--no-login" if no_login else "--link")
    if no_login:
        return LoginMode.OPEN
    if settings.user_header:
        return LoginMode.HEADER
    if settings.admin_emails:
        return LoginMode.OIDC
    if (link or is_loopback(host)) and is_loopback_url(settings.public_url):
        return LoginMode.LINK
    listens = f"listen on {host}"
    where = f"be at {settings.public_url}" if link or is_loopback(host) else listens
    raise ConfigurationError(
        f"Refusing to {where}: others could reach the page, and no login is configured.",
        remedy="Set PALEMAIL_ADMIN_EMAILS to the addresses that may log in with Google, or "
        "PALEMAIL_SIGNED_USER_HEADER (or PALEMAIL_TRUSTED_USER_HEADER) to the header in which your "
        "proxy names the user, or give --no-login to let in anyone who can reach it.",
    )


def _require_no_list(settings: Settings, flag: str) -> None:
    contradicted = [
        name
        for name, value in (
            ("PALEMAIL_ADMIN_EMAILS", settings.admin_emails),
            ("PALEMAIL_SIGNED_USER_HEADER", settings.signed_user_header),
            ("PALEMAIL_TRUSTED_USER_HEADER", settings.trusted_user_header),
        )
        if value
    ]
    if contradicted:
        raise ConfigurationError(
            f"{flag} lets people in without a login, but {' and '.join(contradicted)} says who "
            "may log in.",
            remedy="Drop the flag, or unset that setting.",
        )


def is_loopback(host: str) -> bool:
    """Say whether an address to listen on is for this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def require_login_client(core: Mailcore) -> None:
    """Find out at the start whether anybody can log in.

    Raises:
        ConfigurationError: no OAuth client is set up, so that nobody could.
    """
    try:
        core.logins.require_client()
    except ConfigurationError as exc:
        raise ConfigurationError(
            f"Logging in needs an OAuth client. {exc.message}",
            remedy=f"{exc.remedy or ''} To get to that page, start once on 127.0.0.1 without "
            "PALEMAIL_ADMIN_EMAILS.".strip(),
        ) from exc


def admitted(
    deployment: Deployment, headers: Mapping[str, str], cookies: Mapping[str, str]
) -> str | None:
    """Return the name of a visitor who may come in, or None.

    Args:
        deployment: says how visitors are identified.
        headers: of the request.
        cookies: of the request.
    """
    settings = deployment.core.settings
    match deployment.login:
        case LoginMode.OPEN:
            return ANYBODY
        case LoginMode.HEADER:
            try:
                name = named_by_proxy(deployment, headers)
            except NotAdmitted:
                return None
            return name if name and may_be_admin(name, None, settings) else None
        case LoginMode.LINK:
            session = deployment.sessions.find(cookies)
            return ANYBODY if session and session.name == ANYBODY else None
        case LoginMode.OIDC:
            session = deployment.sessions.find(cookies)
            listed = session and may_be_admin(session.name, session.workspace, settings)
            return session.name if session and listed else None


def named_by_proxy(deployment: Deployment, headers: Mapping[str, str]) -> str:
    """Return the user that the proxy names, or an empty string if it names none.

    Args:
        deployment: checks what is signed.
        headers: of the request, or of the one that opened a tab: a tab ends with the assertion
            that it was opened with.

    Raises:
        NotAdmitted: what the proxy says is not accepted.
    """
    header = deployment.core.settings.user_header or ""
    said = (headers.get(header) or "").strip()
    if said and deployment.signed_users:
        return deployment.signed_users.name_in(said)
    if "," in said:
        # Two headers that some proxy has merged (RFC 9110, section 5.3): one is the client's own.
        raise NotAdmitted(
            f"The proxy in front of this page named more than one user in {header}.",
            remedy="It has to overwrite the header in every request.",
        )
    return said


def may_be_admin(email: str, workspace: str | None, settings: Settings) -> bool:
    """Say whether an account is on the list, and of the Workspace where one is set.

    Behind a proxy, no list means whoever the proxy lets through.
    """
    listed = {_folded(each) for each in settings.admin_emails}
    if listed and _folded(email) not in listed:
        return False
    return not settings.admin_domain or _folded(settings.admin_domain) == _folded(workspace or "")


def _folded(address: str) -> bytes:
    """Return an address without its case, of ASCII alone: Unicode's would make ß and ss one."""
    return address.encode().lower()


def visitor() -> Visitor:
    """Return the page's visitor; if they are no longer admitted, say so and stop."""
    deployment = installed()
    name = admitted(deployment, st.context.headers, st.context.cookies)
    if name is None:
        st.error("You are logged out. Reload this page to log in.", icon=":material/lock:")
        st.html(_RELOAD, unsafe_allow_javascript=True)
        st.stop()
    return Visitor(deployment.core, name)


def still_admitted() -> Callable[[], bool]:
    """Return a function that says, from any thread, whether the visitor is still admitted."""
    deployment, headers, cookies = installed(), st.context.headers, st.context.cookies
    return lambda: admitted(deployment, headers, cookies) is not None


def can_log_out() -> bool:
    """Say whether the page should offer a way to log out."""
    return installed().login is LoginMode.OIDC


def log_out() -> None:
    """Log the page's visitor out, in every tab.

    Raises:
        DatabaseUnavailable: Postgres cannot be reached.
    """
    installed().sessions.end(st.context.cookies)

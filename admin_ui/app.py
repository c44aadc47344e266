"""Put the admin page and the callback's routes together, and serve them."""

import gc
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from streamlit.web import bootstrap

import callback
from admin_ui import begin_reauth, changes, connections, error_notices, middleware
from admin_ui.access import login_mode, require_login_client
from admin_ui.deployment import Deployment, LoginMode, install, installed
from admin_ui.sessions import Sessions
from admin_ui.signed_users import SignedUsers
from mailcore import ConfigurationError, Mailcore, is_loopback

THEME = {
    "theme.primaryColor": "#0f766e",
    "theme.baseRadius": "0.6rem",
    "theme.headingFontSizes": ["2rem", "1.1rem", "1rem", "1rem", "0.9rem", "0.9rem"],
    "theme.paddingTop": "1rem",
    "theme.paddingBottom": "3rem",
    "theme.light.backgroundColor": "#fbfcfc",
    "theme.light.secondaryBackgroundColor": "#f1f5f4",
    "theme.light.grayTextColor": "#55625f",
    "theme.light.textColor": "#1c2b2a",
    "theme.light.linkColor": "#0f766e",
    "theme.dark.primaryColor": "#0f8375",
    "theme.dark.backgroundColor": "#101716",
    "theme.dark.secondaryBackgroundColor": "#1a2423",
    "theme.dark.textColor": "#e8efee",
    "theme.dark.linkColor": "#4fd1c0",
    "theme.dark.grayTextColor": "#a3b3b0",
}

#: What a config.toml in the working directory or the home must not decide. Host and Origin
#: are checked by `admin_ui.guards`.
PINNED: dict[str, Any] = {
    "global.developmentMode": False,
    "server.headless": True,
    "server.baseUrlPath": "",
    "server.fileWatcherType": "none",
    "server.runOnSave": False,
    "server.allowRunOnSave": False,
    "server.enableCORS": True,
    "server.corsAllowedOrigins": [],
    "server.enableXsrfProtection": True,
    "server.xsrfCookieSameSite": "lax",
    "server.allowedHosts": [],
    "server.maxUploadSize": 1,
    "server.enableStaticServing": False,
    "server.enableAgentApi": False,
    "server.scriptHealthCheckEnabled": False,
    "server.trustedUserHeaders": {},
    "server.sslCertFile": None,
    "server.sslKeyFile": None,
    "browser.gatherUsageStats": False,
    "client.allowedOrigins": [],
    "secrets.files": [],  # what is in them would become the environment
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    # A full collection after every click costs more than drawing the page. Python collects
    # by itself.
    "runner.postScriptGC": False,
    "logger.hideWelcomeMessage": True,
}


def create_app(core: Mailcore, login: LoginMode, *, port: int) -> st.App:
    """Build the ASGI app of the page and the callback, on one origin.

    Streamlit allows one such app per process.

    Args:
        core: the mailcore that both draw from. The caller closes it.
        login: how visitors are identified.
        port: the port that it will listen on.

    Raises:
        ConfigurationError: visitors have to log in, and no OAuth client is set up for it.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    if login is LoginMode.OIDC:
        require_login_client(core)
    page = core.page_secrets()
    sessions = Sessions(page.signing_key, port, core.logins)
    signed_users = SignedUsers(core) if core.settings.signed_user_header else None
    deployment = Deployment(core=core, login=login, sessions=sessions, signed_users=signed_users)
    install(deployment)
    return st.App(
        Path(__file__).with_name("page.py"),
        routes=[
            *callback.routes(core),
            *begin_reauth.routes(deployment),
            changes.route(deployment.watches, core),
        ],
        middleware=middleware.stack(deployment, start_token=page.start_token),
        lifespan=_started,
        on_script_error=error_notices.unforeseen,
    )


def serve(
    core: Mailcore, *, host: str, port: int, no_login: bool = False, link: bool = False
) -> None:
    """Serve the page and the callback until SIGINT or SIGTERM, then return.

    Args:
        core: the mailcore that both draw from. The caller closes it.
        host: the address to listen on, by name or number.
        port: the port to listen on; 0 takes a free one.
        no_login: let in anyone who can reach the address.
        link: let in whoever has the link, although the address is not loopback.

    Raises:
        ConfigurationError: the address needs a login and none is set up, or it is taken.
    """
    login = login_mode(host, core.settings, no_login=no_login, link=link)
    app = create_app(core, login, port=port)
    connections.install()
    with _returning_on_signals(), _without_config_watchers():
        try:
            app.run(config=_config(host, port))
        except SystemExit as exc:
            # Streamlit's way to say that it could not listen.
            raise ConfigurationError(
                f"Cannot listen on {host}:{port}.",
                remedy="If the port is taken, choose another with --port.",
            ) from exc


def _config(host: str, port: int) -> dict[str, Any]:
    return {"server.address": host, "server.port": port, **PINNED, **THEME}


@asynccontextmanager
async def _started(_app: st.App) -> AsyncIterator[None]:
    """Have the garbage collector leave alone what is loaded for good, and say where the page is."""
    gc.freeze()
    gc.enable()
    _announce()
    yield


def _announce() -> None:
    # The socket listens already, and the port is known even if any was asked for.
    host, port = st.get_option("server.address"), st.get_option("server.port")
    deployment = installed()
    address = _opened_at(deployment.core.settings.public_url, host, port)
    if deployment.login is LoginMode.LINK:
        address = deployment.core.page_secrets().link(address)
    print(f"pal-e-mail is at {address} (stop with Ctrl-C)", flush=True)  # noqa: T201 - the one line for the terminal


def _opened_at(public_url: str, host: str, port: int) -> str:
    """Return what people open: the public address, unless it is another port of this machine."""
    if not is_loopback(public_url) or urlsplit(public_url).port == port:
        return public_url
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


@contextmanager
def _without_config_watchers() -> Iterator[None]:
    """Keep Streamlit from looking for config files all the time; what is pinned decides anyway.

    It looks for each one five times a second, which costs more than an open tab. There is no
    option for that.
    """
    install = bootstrap._install_config_watchers  # noqa: SLF001 - as above
    bootstrap._install_config_watchers = lambda flag_options: None  # noqa: ARG005, SLF001 - as above
    try:
        yield
    finally:
        bootstrap._install_config_watchers = install  # noqa: SLF001 - as above


@contextmanager
def _returning_on_signals() -> Iterator[None]:
    """Swallow the signal that stopped the server, so that the caller can clean up.

    uvicorn shuts down gracefully on SIGINT and SIGTERM, and then raises the signal once
    more for whoever handled it before. Left to the default, SIGTERM would end the
    process there and then.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

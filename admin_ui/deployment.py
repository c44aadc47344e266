"""The one deployment that this process shows.

Streamlit reruns the page for every visit and click, each in a thread of its own, and passes
it nothing. What lives as long as the process is kept here.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from admin_ui.changes import Watches
from admin_ui.sessions import Sessions
from admin_ui.signed_users import SignedUsers
from mailcore import Mailcore


class LoginMode(StrEnum):
    """How the page knows who the visitor is."""

    #: Whoever reaches the page is the admin, by ``--no-login``.
    OPEN = "open"
    #: Whoever has the start-up link is the admin: on loopback, which all users of a machine reach.
    LINK = "link"
    #: OpenID Connect with Google, and an allow-list of addresses.
    OIDC = "oidc"
    #: A proxy has logged people in, and names them in a header.
    HEADER = "header"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What all visits share.

    Attributes:
        core: the process's `Mailcore`.
        login: how visitors are identified.
        sessions: who has come in.
        signed_users: who a proxy says is there, where it signs what it says; or None.
        watches: what open tabs show.
    """

    core: Mailcore
    login: LoginMode
    sessions: Sessions
    signed_users: SignedUsers | None = None
    watches: Watches = field(default_factory=Watches)


_installed: Deployment | None = None


def install(deployment: Deployment) -> None:
    """Make a deployment the one that the page shows."""
    global _installed  # noqa: PLW0603 - one App a process is Streamlit's own rule
    _installed = deployment


def installed() -> Deployment:
    """Return the deployment that the page shows.

    Raises:
        RuntimeError: the page was run by itself rather than by `admin_ui.app`.
    """
    if _installed is None:
        raise RuntimeError("The page is run by `pal-e-mail up`, not by `streamlit run`.")
    return _installed

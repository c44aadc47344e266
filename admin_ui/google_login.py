"""Logging in with Google, in two requests: off to Google, and back."""

import hmac
import logging
import secrets
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from admin_ui.access import may_be_admin
from admin_ui.navigation import page_of
from admin_ui.sessions import Session, Sessions
from callback.error_responses import outcome_of
from callback.pages import PRIVATE, Action, Card, Pages
from mailcore import Mailcore, PalEMailError

logger = logging.getLogger(__name__)

#: Where Google sends people back to.
CALLBACK = "/oauth2callback"

_LOG_IN = Action(label="Log in with Google")


class GoogleLogin:
    """The login of a deployment that has a list of admins.

    Args:
        core: asks Google.
        sessions: where a login ends up.
        pages: draws.
    """

    def __init__(self, core: Mailcore, sessions: Sessions, pages: Pages) -> None:
        self._core = core
        self._sessions = sessions
        self._pages = pages

    def answer(self, request: Request) -> Response:
        """Answer somebody who has not come in, whatever they asked for."""
        try:
            if request.method == "POST":
                return self._begin(request)
            if request.method == "GET" and request.url.path == CALLBACK:
                return self._come_back(request)
        except PalEMailError as exc:
            logger.warning("A login failed: %s", exc)
            return self._failed(exc)
        return self._pages.draw(
            Card(
                status=HTTPStatus.FORBIDDEN,
                tone="pending",
                badge="Not logged in",
                heading="Log in",
                happened="Log in to see the senders and to re-authorise them.",
                action=_LOG_IN,
                back=False,
            )
        )

    def _begin(self, request: Request) -> Response:
        """Send the person to Google, and remember which page it is for."""
        state = secrets.token_urlsafe(32)
        link = self._core.logins.begin(state=state)
        response = RedirectResponse(link.url, HTTPStatus.SEE_OTHER, PRIVATE)
        attempt = {"state": state, "verifier": link.code_verifier, "page": page_of(request.url)}
        self._sessions.begin_login(response, attempt)
        return response

    def _come_back(self, request: Request) -> Response:
        """Let in whom Google names, if they are on the list.

        The answer has to be for the login that this very browser began (RFC 9700, 2.1).
        """
        attempt = self._sessions.login_under_way(request.cookies)
        state, code = (request.query_params.get(name, "") for name in ("state", "code"))
        if not attempt or not code or not hmac.compare_digest(attempt["state"], state):
            return self._refused("Not logged in", "The login was not finished, or took too long.")
        account = self._core.logins.complete(code=code, code_verifier=attempt["verifier"])
        if not may_be_admin(account.email, account.workspace, self._core.settings):
            return self._not_listed(account.email)
        response = RedirectResponse(attempt["page"], HTTPStatus.SEE_OTHER, PRIVATE)
        self._sessions.begin(response, Session.of(account.email, account.workspace))
        self._sessions.end_login(response)
        return response

    def _not_listed(self, email: str) -> Response:
        domain = self._core.settings.admin_domain
        listed = may_be_admin(email, domain, self._core.settings)
        return self._refused(
            "No access",
            f"{email} is not an account of the Google Workspace {domain}."
            if listed
            else f"{email} is not on the list of admins.",
            "Log in with another account, or ask whoever runs this deployment to let you in.",
        )

    def _refused(self, heading: str, happened: str, next_step: str | None = None) -> Response:
        return self._pages.draw(
            Card(
                status=HTTPStatus.FORBIDDEN,
                tone="expired",
                badge="Not logged in",
                heading=heading,
                happened=happened,
                next_step=next_step,
                action=_LOG_IN,
                back=False,
            )
        )

    def _failed(self, error: PalEMailError) -> Response:
        outcome = outcome_of(error)
        return self._pages.draw(
            Card(
                status=outcome.status,
                tone="expiring",
                badge="Not logged in",
                heading="The login did not work",
                happened=outcome.heading + ".",
                next_step="Try again. The details are in the server's log.",
                action=_LOG_IN,
                back=False,
            )
        )

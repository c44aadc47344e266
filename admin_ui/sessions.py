"""Who has come in, as their cookie says: by the start-up link, or by a login with Google.

A session is a signed cookie, so that it outlasts a restart, and an outage of the database.
What a signature cannot say, that somebody has logged out, is asked of the database.
"""

import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.responses import Response

from mailcore import ConfigurationError, DatabaseUnavailable, Logins, now

#: How long a browser is remembered.
SESSION_LIFETIME = timedelta(days=90)
#: How long a login at Google may take.
LOGIN_LIFETIME = timedelta(minutes=10)
#: Seconds after which another process's logouts are known here.
_ENDED_KNOWN_FOR = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A visitor who has come in.

    Attributes:
        id: this session's own.
        name: who it is, for the audit trail.
        workspace: the domain of their Google Workspace, or None.
    """

    id: str
    name: str
    workspace: str | None = None

    @classmethod
    def of(cls, name: str, workspace: str | None = None) -> "Session":
        """Begin a session."""
        return cls(id=secrets.token_urlsafe(16), name=name, workspace=workspace)


class Sessions:
    """The cookies of one server.

    Args:
        key: signs them.
        port: at which the server is. Browsers send a host's cookies to all of its ports, so
            each has names of its own.
        logins: knows who has logged out.

    Raises:
        DatabaseUnavailable: Postgres cannot be reached.
        ConfigurationError: the tables are missing.
    """

    def __init__(self, key: bytes, port: int, logins: Logins) -> None:
        self._name = f"palemail-{port}"
        self._login_name = f"palemail-login-{port}"
        self._sessions = URLSafeTimedSerializer(key, salt="session")
        self._attempts = URLSafeTimedSerializer(key, salt="login")
        self._ended = _Ended(logins)

    def begin(self, response: Response, session: Session) -> None:
        """Have the browser remember a session."""
        response.set_cookie(
            self._name,
            str(self._sessions.dumps(asdict(session))),
            max_age=int(SESSION_LIFETIME.total_seconds()),
            httponly=True,
            samesite="lax",
        )

    def find(self, cookies: Mapping[str, str]) -> Session | None:
        """Return the session of a browser, or None if it has none that still counts."""
        found = _opened(self._sessions, cookies.get(self._name), SESSION_LIFETIME)
        session = None if found is None else Session(**found)
        return None if session is None or session.id in self._ended else session

    def end(self, cookies: Mapping[str, str]) -> None:
        """Log a browser out, and every copy of its cookie.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached; the session goes on.
        """
        session = self.find(cookies)
        if session is not None:
            self._ended.add(session.id)

    def begin_login(self, response: Response, attempt: Mapping[str, str]) -> None:
        """Have the browser remember a login that is under way."""
        response.set_cookie(
            self._login_name,
            str(self._attempts.dumps(dict(attempt))),
            max_age=int(LOGIN_LIFETIME.total_seconds()),
            path="/oauth2callback",
            httponly=True,
            samesite="lax",
        )

    def login_under_way(self, cookies: Mapping[str, str]) -> Mapping[str, str] | None:
        """Return what `begin_login` had the browser remember, or None."""
        return _opened(self._attempts, cookies.get(self._login_name), LOGIN_LIFETIME)

    def end_login(self, response: Response) -> None:
        """Have the browser forget a login that was under way."""
        response.delete_cookie(self._login_name, path="/oauth2callback")


class _Ended:
    """The sessions that were logged out, as last heard."""

    def __init__(self, logins: Logins) -> None:
        self._logins = logins
        self._ids = logins.ended()
        self._ask_again = time.monotonic() + _ENDED_KNOWN_FOR

    def __contains__(self, session_id: str) -> bool:
        if time.monotonic() >= self._ask_again:
            self._ask_again = time.monotonic() + _ENDED_KNOWN_FOR
            # Without the database the page shows nothing but that. Who was logged out before
            # stays so.
            with suppress(DatabaseUnavailable, ConfigurationError):
                self._ids = self._logins.ended()
        return session_id in self._ids

    def add(self, session_id: str) -> None:
        self._logins.end(session_id, forget_at=now() + SESSION_LIFETIME)
        self._ids |= {session_id}


def _opened(
    seal: URLSafeTimedSerializer, cookie: str | None, lifetime: timedelta
) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = seal.loads(cookie or "", max_age=int(lifetime.total_seconds()))
    except BadSignature:
        return None
    return content

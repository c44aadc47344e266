"""Who may use the JSON API: whoever sends one of the keys (RFC 6750), within its limits.

One address, the calendar's, takes its key from the query: calendar programs send no headers.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from typing import Protocol

from starlette.requests import Request

from callback.problems import RequestRefused
from mailcore import ApiKey, ApiScope, find_key

logger = logging.getLogger(__name__)

#: Seconds until a wrong key is refused. A right one never waits, so nobody is locked out.
REFUSAL_PAUSE = 0.5
#: How many refusals wait at once. Further ones are counted, and answered without a pause or a
#: line in the log: a flood must fill neither the memory nor the disk.
MAX_PAUSED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a request.

    Attributes:
        by: as the audit trail names them.
        key: what they may do.
    """

    by: str
    key: ApiKey

    def require_scope(self, scope: ApiScope) -> None:
        """Refuse what the key is not meant for.

        Raises:
            RequestRefused: the key lacks the scope.
        """
        if not self.key.may(scope):
            raise _forbidden(f"This key lacks the scope {scope.value}.", scope)

    def require_sender(self, alias: str) -> None:
        """Refuse a sender that the key is not for, whether it exists or not.

        Raises:
            RequestRefused: the key is for other senders.
        """
        if not self.key.may_use(alias):
            raise _forbidden("This key is limited to other senders.")

    def require_all_senders(self) -> None:
        """Refuse a key that is for some senders only.

        Raises:
            RequestRefused: it is.
        """
        if not self.key.is_for_all_senders:
            raise _forbidden("This key is limited to some senders, and this is about all of them.")


#: Where no key is needed, and none counts.
NOBODY = Caller(by="", key=ApiKey(digest=b"", scopes=frozenset(), senders=()))


class Authenticator(Protocol):
    """Finds out who asks."""

    async def authenticate(self, request: Request) -> Caller:
        """Return who is asking.

        Raises:
            RequestRefused: nobody who may.
        """


class Keys:
    """The deployment's API keys.

    Args:
        keys: each key by its label; the label stands in the audit trail.

    Attributes:
        refusals: how many wrong keys were refused since the start.
    """

    def __init__(self, keys: Mapping[str, ApiKey]) -> None:
        self.refusals = 0
        self._keys = keys
        self._paused = 0

    async def authenticate(self, request: Request) -> Caller:
        """Return who is asking.

        Raises:
            RequestRefused: no key is set up, none was sent, or it is not one of them.
        """
        scheme, _, sent = request.headers.get("authorization", "").partition(" ")
        given = sent.strip() if scheme.lower() == "bearer" else ""
        return await self.recognise(
            given, request, ask="Send a key: Authorization: Bearer YOUR-KEY."
        )

    async def recognise(self, sent: str, request: Request, *, ask: str) -> Caller:
        """Return whose key it is.

        Args:
            sent: the key; empty if none was sent.
            request: that brought it.
            ask: how to send one.

        Raises:
            RequestRefused: no key is set up, none was sent, or it is not one of them.
        """
        if not self._keys:
            raise RequestRefused(
                HTTPStatus.FORBIDDEN,
                "no_api_keys",
                "The API is closed: this deployment has no API keys.",
                remedy="Make a key with `pal-e-mail new-api-key`, put it into PALEMAIL_API_KEYS "
                "as ci:KEY, and restart the server.",
            )
        if not sent:
            raise _unauthorized(ask, "Bearer")
        found = find_key(self._keys, sent)
        if found is None:
            await self._slow_down(request)
            raise _unauthorized("This deployment does not know that key.", _INVALID)
        label, key = found
        return Caller(by=f"api:{label}", key=key)

    async def _slow_down(self, request: Request) -> None:
        self.refusals += 1
        if self._paused >= MAX_PAUSED:
            return
        logger.warning("Wrong API key from %s (%d since the start)", _from(request), self.refusals)
        self._paused += 1
        try:
            await asyncio.sleep(REFUSAL_PAUSE)
        finally:
            self._paused -= 1


class KeysInAddress:
    """The same keys, where the query brings one.

    An address is stored in browsers, calendars and logs. So only keys that can do nothing else
    are taken: whoever put an admin's key there would give it away.

    Args:
        keys: the deployment's.
        scope: the one that a key must have.
    """

    def __init__(self, keys: Keys, scope: ApiScope) -> None:
        self._keys = keys
        self._scope = scope

    async def authenticate(self, request: Request) -> Caller:
        """Return who is asking.

        Raises:
            RequestRefused: no key is set up or sent, it is unknown, or it can do something else.
        """
        sent = request.query_params.get("key", "").strip()
        caller = await self._keys.recognise(
            sent, request, ask="Add a key to the address: ?key=YOUR-KEY."
        )
        if caller.key.scopes != {self._scope}:
            raise _forbidden(
                f"A key in an address must have the scope {self._scope.value}, and no other.",
                self._scope,
            )
        return caller


def _from(request: Request) -> str:
    """Return the client's address: behind a proxy on this machine, what X-Forwarded-For says."""
    try:
        return str(ip_address(request.client.host if request.client else ""))
    except ValueError:
        return "an unknown address"


_INVALID = 'Bearer error="invalid_token"'


def _unauthorized(detail: str, challenge: str) -> RequestRefused:
    return RequestRefused(
        HTTPStatus.UNAUTHORIZED,
        "unauthorized",
        detail,
        headers={"WWW-Authenticate": challenge},
    )


def _forbidden(detail: str, scope: ApiScope | None = None) -> RequestRefused:
    needed = f', scope="{scope.value}"' if scope else ""
    return RequestRefused(
        HTTPStatus.FORBIDDEN,
        "insufficient_scope",
        detail,
        headers={"WWW-Authenticate": f'Bearer error="insufficient_scope"{needed}'},
    )

"""The JSON API: what an admin can do, for programs. Described in `callback.openapi`."""

from http import HTTPStatus

from starlette.responses import Response

from callback.endpoint import Call, json_response
from callback.problems import RequestRefused
from callback.schemas import (
    AuthorizationLink,
    DeletionQuery,
    NewSender,
    SenderList,
    SenderQuery,
)
from mailcore import Mailcore, SenderNotFound


class Api:
    """The handlers, each a plain function of a call.

    Args:
        core: does the work.
    """

    def __init__(self, core: Mailcore) -> None:
        self._core = core

    def list_senders(self, call: Call) -> Response:
        """``GET /senders``: those that need a person first."""
        wanted = call.query(SenderQuery)
        key = call.caller.key
        if key.is_for_all_senders:
            page = self._core.senders.page(**wanted.model_dump())
            return json_response(SenderList(senders=page.senders, total=page.matching))
        # mailcore knows nothing of a key's limits.
        every = self._core.senders.every(search=wanted.search, status=wanted.status)
        permitted = [sender for sender in every if key.may_use(sender.alias)]
        shown = tuple(permitted[wanted.offset : wanted.offset + wanted.limit])
        return json_response(SenderList(senders=shown, total=len(permitted)))

    def register(self, call: Call) -> Response:
        """``POST /senders``: add a sender, still without a grant."""
        new = call.json(NewSender)
        call.caller.require_sender(new.alias)
        sender = self._core.senders.register(by=call.by, **new.model_dump(exclude_none=True))
        location = {"Location": f"/senders/{sender.alias}"}
        return json_response(sender, status=HTTPStatus.CREATED, headers=location)

    def inspect(self, call: Call) -> Response:
        """``GET /senders/{alias}``."""
        return json_response(self._core.senders.get(alias_of(call)))

    def delete(self, call: Call) -> Response:
        """``DELETE /senders/{alias}``: with its grant; what it still held is discarded."""
        alias, wanted = alias_of(call), call.query(DeletionQuery)
        return json_response(
            self._core.senders.delete(alias, by=call.by, keep_grant=wanted.keep_grant)
        )

    def authorize(self, call: Call) -> Response:
        """``POST /senders/{alias}/auth``: a fresh link to Google's consent page."""
        sender = self._core.senders.get(alias_of(call))
        if not sender.has_own_client and self._core.client.current() is None:
            raise _no_client()
        authorization = self._core.authorizations.begin(sender.alias, by=call.by)
        return json_response(
            AuthorizationLink(
                authorization_id=authorization.id,
                authorization_url=authorization.url,
                expires_at=authorization.expires_at,
            )
        )


def _no_client() -> RequestRefused:
    """Return a conflict: someone has to act first.

    A 503 would have programs try again by themselves, which does not help.
    """
    return RequestRefused(
        HTTPStatus.CONFLICT,
        "no_oauth_client",
        "No OAuth client is set up.",
        remedy="Set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET, or GOOGLE_CREDENTIALS_FILE, and "
        "restart the server; or upload credentials.json on the Setup page. You can also register "
        "a sender with an OAuth client of its own: credentials_json.",
    )


def alias_of(call: Call) -> str:
    """Return the alias in the address.

    Raises:
        SenderNotFound: no sender can have it.
    """
    # Postgres cannot be asked for a NUL; no alias has one.
    if "\0" in call.alias:
        raise SenderNotFound("No sender has that alias.")
    return call.alias

"""The JSON API: what an admin can do, for programs. Described in `callback.openapi`."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from typing import get_args

from starlette.responses import Response

from callback.endpoint import Call
from callback.problems import RequestRefused
from mailcore import Mailcore, Sender, SenderNotFound, StatusFilter

#: What one answer lists, by default and at most.
DEFAULT_LIMIT = 100
MAX_LIMIT = 200
#: Postgres counts no further in an OFFSET that it plans well; nobody pages so far.
MAX_OFFSET = 1_000_000_000

#: What a registration takes, beside the alias.
OPTIONAL_MEMBERS = ("gmail_account", "display_name", "project", "credentials_json")
#: What `status` filters by: a state, or one of the facts about it.
_STATES, _FACTS = get_args(StatusFilter)
FILTERS: dict[str, StatusFilter] = {name: name for name in (*_STATES, *get_args(_FACTS))}


class Api:
    """The handlers, each a plain function of a call.

    Args:
        core: does the work.
    """

    def __init__(self, core: Mailcore) -> None:
        self._core = core

    def list_senders(self, call: Call) -> Response:
        """``GET /senders``: those that need a person first."""
        query = call.request.query_params
        _only(query, {"search", "status", "offset", "limit"})
        page = self._core.senders.page(
            search=_text("search", query.get("search", "")),
            status=_filter(query.get("status")),
            offset=_count(query, "offset", default=0, least=0, most=MAX_OFFSET),
            limit=_count(query, "limit", default=DEFAULT_LIMIT, least=1, most=MAX_LIMIT),
        )
        return _json(
            {"senders": [_plain(sender) for sender in page.senders], "total": page.matching}
        )

    def register(self, call: Call) -> Response:
        """``POST /senders``: add a sender, still without a grant."""
        members = call.json()
        _only(members, {"alias", *OPTIONAL_MEMBERS})
        if "alias" not in members:
            raise _unusable("alias", "An alias is needed: the name that jobs use.")
        alias = _text("alias", members["alias"])
        optional = {
            name: _text(name, members[name])
            for name in OPTIONAL_MEMBERS
            if members.get(name) is not None
        }
        sender = self._core.senders.register(alias, by=call.by, **optional)
        return _json(
            _plain(sender), status=HTTPStatus.CREATED, headers={"Location": f"/senders/{alias}"}
        )

    def inspect(self, call: Call) -> Response:
        """``GET /senders/{alias}``."""
        return _json(_plain(self._core.senders.get(_alias(call))))

    def delete(self, call: Call) -> Response:
        """``DELETE /senders/{alias}``: with its grant; what it still held is discarded."""
        alias = _alias(call)
        deleted = self._core.senders.delete(alias, by=call.by)
        return _json(
            {
                "alias": alias,
                "discarded_deliveries": deleted.discarded_deliveries,
                "grant": deleted.grant,
            }
        )

    def authorize(self, call: Call) -> Response:
        """``POST /senders/{alias}/auth``: a fresh link to Google's consent page."""
        sender = self._core.senders.get(_alias(call))
        if not sender.has_own_client and self._core.client.current() is None:
            raise _no_client()
        authorization = self._core.authorizations.begin(sender.alias, by=call.by)
        return _json(
            {
                "authorization_id": authorization.id,
                "authorization_url": authorization.url,
                "expires_at": authorization.expires_at.isoformat(),
            }
        )


def _no_client() -> RequestRefused:
    """Return RFC 9110's answer where whoever asks can put things right, then ask again.

    A 503 would have programs try again by themselves, which does not help.
    """
    return RequestRefused(
        HTTPStatus.CONFLICT,
        "no_oauth_client",
        "No OAuth client is set up, so Google would not know who asks. Set GOOGLE_CLIENT_ID and "
        "GOOGLE_CLIENT_SECRET, or GOOGLE_CREDENTIALS_FILE, and restart the server; or upload "
        "credentials.json on the Setup page. A sender can also be registered with a client of "
        "its own: credentials_json.",
    )


def _alias(call: Call) -> str:
    if not _is_storable(call.alias):
        raise SenderNotFound("No sender has that alias.")
    return call.alias


def _only(given: Mapping[str, object], known: set[str]) -> None:
    """Refuse a misspelled name: left alone, it would quietly do something else than meant."""
    for name in given:
        if name not in known:
            names = ", ".join(sorted(known))
            raise _unusable(name, f"{name!r} is not known here, only {names}.")


def _filter(value: str | None) -> StatusFilter | None:
    if value is None:
        return None
    if value not in FILTERS:
        raise _unusable("status", f"status must be one of {', '.join(FILTERS)}.")
    return FILTERS[value]


def _count(query: Mapping[str, str], name: str, *, default: int, least: int, most: int) -> int:
    value = query.get(name)
    if value is None:
        return default
    if not re.fullmatch(r"[0-9]{1,10}", value) or not least <= int(value) <= most:
        raise _unusable(name, f"{name} must be a number from {least} to {most}.")
    return int(value)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _unusable(name, f"{name} must be a text.")
    if not _is_storable(value):
        raise _unusable(name, f"{name} holds characters that cannot be stored.")
    return value


def _is_storable(text: str) -> bool:
    """Say whether Postgres can hold it: no NUL, and no half of a surrogate pair."""
    return "\0" not in text and text == text.encode("utf-8", "ignore").decode()


def _unusable(name: str, detail: str) -> RequestRefused:
    return RequestRefused(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_value", detail, field=name)


def _plain(sender: Sender) -> dict[str, object]:
    """Return a sender as JSON has it: every field of the view, none of which is a secret."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(sender).items()
    }


def _json(
    document: object,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    return Response(
        json.dumps(document, ensure_ascii=False),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )

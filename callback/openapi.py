"""The JSON API's description (OpenAPI 3.1), served at ``/openapi.json``.

Written by hand: it is the promise, and a test holds the running application to it.
"""

import json

from starlette.responses import Response

from callback import problems
from callback.api import DEFAULT_LIMIT, FILTERS, MAX_LIMIT, MAX_OFFSET
from callback.endpoint import Call, Handler
from mailcore import ALIAS_PATTERN, RESERVED_ALIASES, Revocation, SenderStatus

Schema = dict[str, object]


def serve(public_url: str) -> Handler:
    """Return the handler of ``GET /openapi.json``.

    Args:
        public_url: where the API is reached.
    """
    text = json.dumps(document(public_url))

    def describe(_: Call) -> Response:
        return Response(text, media_type="application/json")

    return describe


def document(public_url: str) -> Schema:
    """Return the description.

    Args:
        public_url: where the API is reached.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pal-e-mail",
            "version": "1",
            "description": (
                "Gmail senders: register them, see how they are, and begin a re-auth. No answer "
                "holds a token or a client secret."
            ),
        },
        "servers": [{"url": public_url.rstrip("/")}],
        "security": [{"key": []}],
        "paths": {
            "/senders": {"get": _list(), "post": _register()},
            "/senders/{alias}": {
                "parameters": [_ALIAS_IN_PATH],
                "get": _inspect(),
                "delete": _delete(),
            },
            "/senders/{alias}/auth": {"parameters": [_ALIAS_IN_PATH], "post": _authorize()},
            "/healthz": {"get": _health("The process answers.")},
            "/readyz": {"get": _health("The database answers, and is migrated.")},
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Sender": _SENDER,
                "NewSender": _NEW_SENDER,
                "Problem": _PROBLEM,
            },
            "responses": {"Problem": _PROBLEM_RESPONSE},
        },
    }


def _list() -> Schema:
    senders = {"type": "array", "items": _ref("Sender")}
    return {
        "operationId": "listSenders",
        "summary": "List senders, those that need a person first",
        "parameters": [
            _query("search", "Part of an alias, an account or a project.", {"type": "string"}),
            _query(
                "status",
                "expiring and due are healthy ones that end soon, and these or expired.",
                {"type": "string", "enum": list(FILTERS)},
            ),
            _query("offset", "How many to skip.", _number(0, MAX_OFFSET, default=0)),
            _query("limit", "How many at most.", _number(1, MAX_LIMIT, default=DEFAULT_LIMIT)),
        ],
        "responses": {
            "200": _json(
                "One page of senders; total counts all that match.",
                _object({"senders": senders, "total": {"type": "integer"}}),
            ),
            **_problems(401, 403, 413, 422, 500, 503),
        },
    }


def _register() -> Schema:
    return {
        "operationId": "registerSender",
        "summary": "Register a sender; it is pending until it is authorised",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _ref("NewSender")}},
        },
        "responses": {
            "201": {
                **_json("The sender.", _ref("Sender")),
                "headers": {"Location": {"schema": {"type": "string"}}},
            },
            **_problems(400, 401, 403, 409, 413, 415, 422, 500, 503),
        },
    }


def _inspect() -> Schema:
    return {
        "operationId": "inspectSender",
        "summary": "Show one sender",
        "responses": {
            "200": _json("The sender.", _ref("Sender")),
            **_problems(401, 403, 404, 413, 500, 503),
        },
    }


def _delete() -> Schema:
    deleted = _object(
        {
            "alias": {"type": "string"},
            "discarded_deliveries": {"type": "integer"},
            "grant": {"enum": [outcome.value for outcome in Revocation]},
        }
    )
    return {
        "operationId": "deleteSender",
        "summary": "Delete a sender and its grant, for good; mail that still waited is discarded",
        "responses": {
            "200": _json("What was deleted.", deleted),
            **_problems(401, 403, 404, 413, 500, 503),
        },
    }


def _authorize() -> Schema:
    link = _object(
        {
            "authorization_id": {"type": "string"},
            "authorization_url": {"type": "string", "format": "uri"},
            "expires_at": _MOMENT,
        }
    )
    return {
        "operationId": "authorizeSender",
        "summary": "Begin a re-auth: a link to Google's consent page that works once",
        "responses": {
            "200": _json("The link. Whoever opens it can consent for the sender.", link),
            **_problems(401, 403, 404, 409, 413, 500, 503),
        },
    }


def _health(meaning: str) -> Schema:
    return {
        "summary": meaning,
        "security": [],
        "responses": {
            "200": _json(meaning, _object({"status": {"const": "ok"}})),
            **_problems(413, 500, 503),
        },
    }


def _object(properties: Schema, *, required: list[str] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _problems(*statuses: int) -> Schema:
    return {str(status): {"$ref": "#/components/responses/Problem"} for status in statuses}


def _query(name: str, description: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _number(least: int, most: int, *, default: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most, "default": default}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


_TEXT: Schema = {"type": "string"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
#: As recipients and pages show it; spaces around it are taken off.
_LINE: Schema = {"type": "string", "maxLength": 200, "description": "One line of text."}
_ALIAS: Schema = {
    "type": "string",
    "pattern": f"^{ALIAS_PATTERN.pattern}$",
    "not": {"enum": sorted(RESERVED_ALIASES)},
}
_ALIAS_IN_PATH: Schema = {"name": "alias", "in": "path", "required": True, "schema": _ALIAS}

_SENDER = _object(
    {
        "alias": _ALIAS,
        "gmail_account": _or_null(_TEXT),
        "display_name": _or_null(_TEXT),
        "project": _or_null(_TEXT),
        "status": {"type": "string", "enum": [status.value for status in SenderStatus]},
        "status_reason": _or_null(_TEXT),
        "status_changed_at": _MOMENT,
        "generation": {"type": "integer", "description": "One more with every stored grant."},
        "granted_scopes": {"type": "array", "items": _TEXT},
        "grant_issued_at": _or_null(_MOMENT),
        "grant_expires_at": _or_null(_MOMENT),
        "expiring": {"type": "boolean", "description": "Healthy, but for less than 48 hours."},
        "last_refreshed_at": _or_null(_MOMENT),
        "last_sent_at": _or_null(_MOMENT),
        "last_error_code": _or_null(_TEXT),
        "last_error_text": _or_null(_TEXT),
        "last_error_at": _or_null(_MOMENT),
        "has_own_client": {"type": "boolean"},
        "held": {"type": "integer", "description": "Messages that wait for a re-auth."},
        "unknown": {
            "type": "integer",
            "description": "Messages that may or may not have gone out, for a person to settle.",
        },
        "created_at": _MOMENT,
        "updated_at": _MOMENT,
    }
)

_NEW_SENDER = _object(
    {
        "alias": _ALIAS,
        "gmail_account": _or_null({"type": "string", "format": "email"}),
        "display_name": _or_null(_LINE),
        "project": _or_null(_LINE),
        "credentials_json": _or_null(
            {
                "type": "string",
                "contentMediaType": "application/json",
                "description": "Its own OAuth client, as Google's console hands it out.",
            }
        ),
    },
    required=["alias"],
)

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457",
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "code": {"type": "string", "description": "A stable machine-readable name."},
        "field": {"type": "string", "description": "The member or parameter at fault."},
    },
    "required": ["type", "title", "status", "detail", "code"],
}
_PROBLEM_RESPONSE = {
    "description": "It was not done; the code and the detail say why.",
    "content": {problems.MEDIA_TYPE: {"schema": _ref("Problem")}},
}

"""The JSON API's description (OpenAPI 3.1), served at ``/openapi.json``.

What goes in and out is generated from the types in `callback.schemas`; only the paths are
written here. A test holds the running application to it.
"""

import json
import re
from typing import Any, cast

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema
from starlette.responses import Response

from callback import calendar, problems
from callback.endpoint import Call, Handler
from callback.schemas import (
    ALIAS_SCHEMA,
    AuthorizationLink,
    DeletionQuery,
    DeliveryList,
    DeliveryQuery,
    Health,
    NewMessage,
    NewSender,
    Problem,
    SenderList,
    SenderQuery,
    SendingQuery,
)
from mailcore import Deleted, Delivery, Sender

Schema = dict[str, object]

_QUERIES = (SenderQuery, DeletionQuery, SendingQuery, DeliveryQuery)
_BODIES = (NewSender, NewMessage, *_QUERIES)
_ANSWERS = (
    *(Sender, SenderList, Deleted, AuthorizationLink, Delivery, DeliveryList, Health, Problem),
)
_REFERENCE = "#/components/schemas/{model}"
#: A line of a docstring's Attributes section.
_ATTRIBUTE = re.compile(r"^ +(\w+): (.+)$", re.MULTILINE)


class _Described(GenerateJsonSchema):
    """Describes a dataclass's fields by its docstring, and says that there are no others."""

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """Return the schema of one dataclass."""
        described = super().dataclass_schema(schema)
        documented = schema["cls"].__doc__ or ""
        described["description"] = documented.partition("\n")[0]
        for name, meaning in _ATTRIBUTE.findall(documented):
            described["properties"][name].setdefault("description", meaning)
        described["additionalProperties"] = False
        return described

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        """Leave titles out: they would only repeat the names."""
        return False


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
    schemas = _schemas()
    listing, deletion, sending, deliveries = (
        _query(schemas.pop(query.__name__)) for query in _QUERIES
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pal-e-mail",
            "version": "1",
            "description": (
                "Gmail senders: register them, check their status, start re-auths, send through "
                "them, and see what became of each message. No response contains a token or a "
                "client secret."
            ),
        },
        "servers": [{"url": public_url.rstrip("/")}],
        "security": [{"key": []}],
        "paths": {
            "/senders": {"get": _list(listing), "post": _register()},
            "/senders/calendar.ics": {"get": _calendar()},
            "/senders/{alias}": {
                "parameters": [_ALIAS_IN_PATH],
                "get": _inspect(),
                "delete": _delete(deletion),
            },
            "/senders/{alias}/auth": {"parameters": [_ALIAS_IN_PATH], "post": _authorize()},
            "/senders/{alias}/messages": {
                "parameters": [_ALIAS_IN_PATH],
                "post": _send(sending),
            },
            **{
                f"/senders/{{alias}}/{action}": {
                    "parameters": [_ALIAS_IN_PATH],
                    "post": _change_sender(action, summary),
                }
                for action, summary in _SENDER_ACTIONS.items()
            },
            "/deliveries": {"get": _list_deliveries(deliveries)},
            "/deliveries/{delivery}": {
                "parameters": [_DELIVERY_IN_PATH],
                "get": _inspect_delivery(),
            },
            **{
                f"/deliveries/{{delivery}}/{action}": {
                    "parameters": [_DELIVERY_IN_PATH],
                    "post": _change_delivery(action, summary),
                }
                for action, summary in _DELIVERY_ACTIONS.items()
            },
            "/metrics": {"get": _metrics()},
            "/healthz": {"get": _health("The process responds.")},
            "/readyz": {"get": _health("The database responds, and its tables are up to date.")},
        },
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer"},
                "calendarKey": {
                    "type": "apiKey",
                    "in": "query",
                    "name": "key",
                    "description": "A key whose only scope is `calendar`. No other is accepted.",
                },
            },
            "schemas": schemas,
            "responses": {"Problem": _PROBLEM_RESPONSE},
        },
    }


def _schemas() -> dict[str, Any]:
    inputs: list[tuple[type, JsonSchemaMode, TypeAdapter[Any]]] = [
        *((body, "validation", TypeAdapter(body)) for body in _BODIES),
        *((answer, "serialization", TypeAdapter(answer)) for answer in _ANSWERS),
    ]
    _, definitions = TypeAdapter.json_schemas(
        inputs, ref_template=_REFERENCE, schema_generator=_Described
    )
    return cast("dict[str, Any]", definitions["$defs"])


def _query(model: dict[str, Any]) -> list[Schema]:
    """Return a model's members as the parameters of a query, in which nothing is null."""
    parameters: list[Schema] = []
    for name, schema in model["properties"].items():
        given = dict(schema)
        if "anyOf" in given:
            given["anyOf"] = [one for one in given["anyOf"] if one != {"type": "null"}]
            given.pop("default")
        parameters.append(
            {
                "name": name,
                "in": "query",
                "description": given.pop("description"),
                "schema": given,
            }
        )
    return parameters


def _list(parameters: list[Schema]) -> Schema:
    return {
        "operationId": "listSenders",
        "summary": "List senders, those that need attention first",
        "parameters": parameters,
        "responses": {
            "200": _json("One page of senders.", SenderList),
            **_problems(401, 403, 413, 422, 500, 503),
        },
    }


def _register() -> Schema:
    return {
        "operationId": "registerSender",
        "summary": "Register a sender; it is pending until someone authorises it",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _ref(NewSender)}},
        },
        "responses": {
            "201": {
                **_json("The sender.", Sender),
                "headers": {"Location": {"schema": {"type": "string"}}},
            },
            **_problems(400, 401, 403, 409, 413, 415, 422, 500, 503),
        },
    }


def _calendar() -> Schema:
    text: Schema = {"schema": {"type": "string"}}
    tag: Schema = {"ETag": {"schema": {"type": "string"}}}
    return {
        "operationId": "calendar",
        "summary": "Show when grants end, as a calendar (iCalendar, RFC 5545) to subscribe to",
        "security": [{"calendarKey": []}],
        "responses": {
            "200": {
                "description": "One event for each grant whose end is known; or one for a "
                "project and day, where more than 10 end.",
                "content": {calendar.MEDIA_TYPE: text},
                "headers": tag,
            },
            "304": {"description": "Nothing has changed since `If-None-Match`.", "headers": tag},
            # A key in a header, and none in the address: it asks for a sender of that name.
            **_problems(401, 403, 404, 413, 500, 503),
        },
    }


def _inspect() -> Schema:
    return {
        "operationId": "inspectSender",
        "summary": "Show one sender",
        "responses": {
            "200": _json("The sender.", Sender),
            **_problems(401, 403, 404, 413, 500, 503),
        },
    }


def _delete(parameters: list[Schema]) -> Schema:
    return {
        "operationId": "deleteSender",
        "summary": "Delete a sender and its grant for good, and discard its waiting messages",
        "parameters": parameters,
        "responses": {
            "200": _json("What was deleted.", Deleted),
            **_problems(401, 403, 404, 413, 422, 500, 503),
        },
    }


def _authorize() -> Schema:
    return {
        "operationId": "authorizeSender",
        "summary": "Start a re-auth: get a link to Google's consent page that works once",
        "responses": {
            "200": _json("The link. Anyone who opens it can consent.", AuthorizationLink),
            **_problems(401, 403, 404, 409, 413, 500, 503),
        },
    }


def _send(parameters: list[Schema]) -> Schema:
    return {
        "operationId": "sendMessage",
        "summary": "Queue a message, or send it while you wait; needs the scope send",
        "parameters": [_IDEMPOTENCY_KEY, *parameters],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _ref(NewMessage)}},
        },
        "responses": {
            "200": _located("With `wait`: Gmail has accepted it."),
            "202": _located(
                "It is queued; or what became of an earlier message with the same key."
            ),
            **_problems(400, 401, 403, 404, 409, 413, 415, 422, 500, 503),
        },
    }


def _list_deliveries(parameters: list[Schema]) -> Schema:
    return {
        "operationId": "listDeliveries",
        "summary": "List deliveries, newest first",
        "parameters": parameters,
        "responses": {
            "200": _json("One page of deliveries.", DeliveryList),
            **_problems(401, 403, 413, 422, 500, 503),
        },
    }


def _inspect_delivery() -> Schema:
    return {
        "operationId": "inspectDelivery",
        "summary": "Show one delivery",
        "responses": {
            "200": _json("The delivery.", Delivery),
            **_problems(401, 403, 404, 413, 500, 503),
        },
    }


def _change_delivery(action: str, summary: str) -> Schema:
    return {
        "operationId": f"{action}Delivery",
        "summary": summary,
        "responses": {
            "200": _json("The delivery as it is now.", Delivery),
            **_problems(401, 403, 404, 409, 413, 500, 503),
        },
    }


def _change_sender(action: str, summary: str) -> Schema:
    return {
        "operationId": f"{action}Sender",
        "summary": summary,
        "responses": {
            "200": _json("The sender as it is now.", Sender),
            **_problems(401, 403, 404, 413, 500, 503),
        },
    }


def _located(description: str) -> Schema:
    return {
        **_json(description, Delivery),
        "headers": {"Location": {"schema": {"type": "string"}}},
    }


def _metrics() -> Schema:
    return {
        "operationId": "readMetrics",
        "summary": "Everything that is measured, for Prometheus; needs the scope metrics",
        "responses": {
            "200": {
                "description": "The metrics, at most 15 seconds old.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            },
            **_problems(401, 403, 413, 500, 503),
        },
    }


def _health(meaning: str) -> Schema:
    return {
        "summary": meaning,
        "security": [],
        "responses": {"200": _json(meaning, Health), **_problems(413, 500, 503)},
    }


def _ref(model: type) -> Schema:
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def _json(description: str, model: type) -> Schema:
    return {
        "description": description,
        "content": {"application/json": {"schema": _ref(model)}},
    }


def _problems(*statuses: int) -> Schema:
    return {str(status): {"$ref": "#/components/responses/Problem"} for status in statuses}


_ALIAS_IN_PATH: Schema = {"name": "alias", "in": "path", "required": True, "schema": ALIAS_SCHEMA}
_DELIVERY_IN_PATH: Schema = {
    "name": "delivery",
    "in": "path",
    "required": True,
    "description": "Its ID.",
    "schema": {"type": "string", "format": "uuid"},
}
_IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "One per message: with the same key for the same sender, nothing is sent again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_DELIVERY_ACTIONS = {
    "arrived": "Settle a message with unknown outcome as sent, because it has arrived",
    "retry": "Queue a message again that failed or lapsed, or whose outcome is unknown",
    "discard": "Cancel a queued message, or discard one with unknown outcome",
    "hold": "Hold a queued message until it is released",
    "release": "Release a held message; one queued for later goes out now",
}
_SENDER_ACTIONS = {
    "pause": "Pause a sender's queue until it is resumed",
    "resume": "Resume a sender's queue",
}
_PROBLEM_RESPONSE: Schema = {
    "description": "The request was not carried out; `code` and `detail` say why.",
    "content": {problems.MEDIA_TYPE: {"schema": _ref(Problem)}},
}

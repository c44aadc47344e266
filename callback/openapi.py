"""The JSON API's description (OpenAPI 3.1), served at ``/openapi.json``.

What goes in and out is generated from the types in `callback.schemas`; only the paths and
`callback.openapi_operations` are written by hand. A test holds the running application to it.
"""

import json
import re
from typing import Any, cast

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema
from starlette.responses import Response

from callback import openapi_operations as operations
from callback.endpoint import Call, Handler
from callback.message_schemas import DeliveryList, DeliveryQuery, NewMessage, SendingQuery
from callback.openapi_operations import Schema
from callback.schemas import (
    AuthorizationLink,
    DeletionQuery,
    Health,
    NewSender,
    Problem,
    SenderList,
    SenderQuery,
)
from mailcore import Deleted, Delivery, Sender

_QUERIES = (SenderQuery, DeletionQuery, SendingQuery, DeliveryQuery)
_BODIES = (NewSender, NewMessage, *_QUERIES)
_ANSWERS = (
    *(Sender, SenderList, Deleted, AuthorizationLink, Delivery, DeliveryList, Health, Problem),
)
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
            "/senders": {"get": operations.list_senders(listing), "post": operations.register()},
            "/senders/calendar.ics": {"get": operations.calendar_of_ends()},
            "/senders/{alias}": {
                "parameters": [operations.ALIAS_IN_PATH],
                "get": operations.inspect_sender(),
                "delete": operations.delete_sender(deletion),
            },
            "/senders/{alias}/auth": {
                "parameters": [operations.ALIAS_IN_PATH],
                "post": operations.authorize(),
            },
            "/senders/{alias}/messages": {
                "parameters": [operations.ALIAS_IN_PATH],
                "post": operations.send(sending),
            },
            **{
                f"/senders/{{alias}}/{action}": {
                    "parameters": [operations.ALIAS_IN_PATH],
                    "post": operations.change_sender(action, summary),
                }
                for action, summary in operations.SENDER_ACTIONS.items()
            },
            "/deliveries": {"get": operations.list_deliveries(deliveries)},
            "/deliveries/{delivery}": {
                "parameters": [operations.DELIVERY_IN_PATH],
                "get": operations.inspect_delivery(),
            },
            **{
                f"/deliveries/{{delivery}}/{action}": {
                    "parameters": [operations.DELIVERY_IN_PATH],
                    "post": operations.change_delivery(action, summary),
                }
                for action, summary in operations.DELIVERY_ACTIONS.items()
            },
            "/metrics": {"get": operations.read_metrics()},
            "/healthz": {"get": operations.health("The process responds.")},
            "/readyz": {
                "get": operations.health("The database responds, and its tables are up to date.")
            },
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
            "responses": {"Problem": operations.PROBLEM_RESPONSE},
        },
    }


def _schemas() -> dict[str, Any]:
    inputs: list[tuple[type, JsonSchemaMode, TypeAdapter[Any]]] = [
        *((body, "validation", TypeAdapter(body)) for body in _BODIES),
        *((answer, "serialization", TypeAdapter(answer)) for answer in _ANSWERS),
    ]
    _, definitions = TypeAdapter.json_schemas(
        inputs, ref_template=operations.REFERENCE, schema_generator=_Described
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

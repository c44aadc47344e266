"""The operations of the JSON API, as OpenAPI describes them."""

from callback import calendar, problems
from callback.message_schemas import DeliveryList, NewMessage
from callback.schemas import (
    ALIAS_SCHEMA,
    AuthorizationLink,
    Health,
    NewSender,
    Problem,
    SenderList,
)
from mailcore import Deleted, Delivery, Sender

Schema = dict[str, object]

#: Where the types are described.
REFERENCE = "#/components/schemas/{model}"


def list_senders(parameters: list[Schema]) -> Schema:
    """Describe ``GET /senders``."""
    return {
        "operationId": "listSenders",
        "summary": "List senders, those that need attention first",
        "parameters": parameters,
        "responses": {
            "200": _json("One page of senders.", SenderList),
            **_problems(401, 403, 413, 422, 500, 503),
        },
    }


def register() -> Schema:
    """Describe ``POST /senders``."""
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


def calendar_of_ends() -> Schema:
    """Describe ``GET /senders/calendar.ics``."""
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


def inspect_sender() -> Schema:
    """Describe ``GET /senders/{alias}``."""
    return {
        "operationId": "inspectSender",
        "summary": "Show one sender",
        "responses": {
            "200": _json("The sender.", Sender),
            **_problems(401, 403, 404, 413, 500, 503),
        },
    }


def delete_sender(parameters: list[Schema]) -> Schema:
    """Describe ``DELETE /senders/{alias}``."""
    return {
        "operationId": "deleteSender",
        "summary": "Delete a sender and its grant for good, and discard its waiting messages",
        "parameters": parameters,
        "responses": {
            "200": _json("What was deleted.", Deleted),
            **_problems(401, 403, 404, 413, 422, 500, 503),
        },
    }


def authorize() -> Schema:
    """Describe ``POST /senders/{alias}/auth``."""
    return {
        "operationId": "authorizeSender",
        "summary": "Start a re-auth: get a link to Google's consent page that works once",
        "responses": {
            "200": _json("The link. Anyone who opens it can consent.", AuthorizationLink),
            **_problems(401, 403, 404, 409, 413, 500, 503),
        },
    }


def send(parameters: list[Schema]) -> Schema:
    """Describe ``POST /senders/{alias}/messages``."""
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
            **_problems(400, 401, 403, 404, 408, 409, 413, 415, 422, 500, 503),
        },
    }


def list_deliveries(parameters: list[Schema]) -> Schema:
    """Describe ``GET /deliveries``."""
    return {
        "operationId": "listDeliveries",
        "summary": "List deliveries, newest first",
        "parameters": parameters,
        "responses": {
            "200": _json("One page of deliveries.", DeliveryList),
            **_problems(401, 403, 413, 422, 500, 503),
        },
    }


def inspect_delivery() -> Schema:
    """Describe ``GET /deliveries/{delivery}``."""
    return {
        "operationId": "inspectDelivery",
        "summary": "Show one delivery",
        "responses": {
            "200": _json("The delivery.", Delivery),
            **_problems(401, 403, 404, 413, 500, 503),
        },
    }


def change_delivery(action: str, summary: str) -> Schema:
    """Describe one of `DELIVERY_ACTIONS`."""
    return {
        "operationId": f"{action}Delivery",
        "summary": summary,
        "responses": {
            "200": _json("The delivery as it is now.", Delivery),
            **_problems(401, 403, 404, 409, 413, 500, 503),
        },
    }


def change_sender(action: str, summary: str) -> Schema:
    """Describe one of `SENDER_ACTIONS`."""
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


def read_metrics() -> Schema:
    """Describe ``GET /metrics``."""
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


def health(meaning: str) -> Schema:
    """Describe a health check."""
    return {
        "summary": meaning,
        "security": [],
        "responses": {"200": _json(meaning, Health), **_problems(413, 500, 503)},
    }


def _ref(model: type) -> Schema:
    return {"$ref": REFERENCE.format(model=model.__name__)}


def _json(description: str, model: type) -> Schema:
    return {
        "description": description,
        "content": {"application/json": {"schema": _ref(model)}},
    }


def _problems(*statuses: int) -> Schema:
    return {str(status): {"$ref": "#/components/responses/Problem"} for status in statuses}


ALIAS_IN_PATH: Schema = {"name": "alias", "in": "path", "required": True, "schema": ALIAS_SCHEMA}
DELIVERY_IN_PATH: Schema = {
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
DELIVERY_ACTIONS = {
    "arrived": "Settle a message with unknown outcome as sent, because it has arrived",
    "retry": "Queue a message again that failed or lapsed, or whose outcome is unknown",
    "discard": "Cancel a queued message, or discard one with unknown outcome",
    "hold": "Hold a queued message until it is released",
    "release": "Release a held message; one queued for later goes out now",
}
SENDER_ACTIONS = {
    "pause": "Pause a sender's queue until it is resumed",
    "resume": "Resume a sender's queue",
}
PROBLEM_RESPONSE: Schema = {
    "description": "The request was not carried out; `code` and `detail` say why.",
    "content": {problems.MEDIA_TYPE: {"schema": _ref(Problem)}},
}

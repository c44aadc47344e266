"""How Google words a refusal."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

JSON = "application/json; charset=UTF-8"
HTML = "text/html; charset=UTF-8"
NO_STORE = {"Cache-Control": "no-store"}

#: Google's canonical name for each HTTP status.
#: https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
_CANONICAL = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class Refusal(Exception):
    """The request cannot be granted; carries the whole answer."""

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"the sandbox answers {status}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """Return the answer to send."""
        return Response(self.body, self.status, self.headers, JSON)


def json_answer(value: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """Return a 200 with a JSON body."""
    return Response(json.dumps(value), 200, headers, JSON)


def gmail_error(
    status: int,
    message: str,
    reason: str,
    *,
    domain: str = "global",
    canonical: str | None = None,
    info: str | None = None,
    location: str | None = None,
) -> bytes:
    """Return the body of an error of the Gmail API.

    Args:
        status: the HTTP status.
        message: the sentence for people.
        reason: the word for programs, as in ``error.errors[].reason``.
        domain: whose reason it is: ``global`` or ``usageLimits``.
        canonical: the canonical code; by default the one that goes with the status.
        info: the reason of a ``google.rpc.ErrorInfo`` among ``error.details``, which the
            newer front ends of Google add, and which hides ``errors`` from some clients.
        location: the header at fault.

    Source: https://developers.google.com/workspace/gmail/api/guides/handle-errors
    """
    entry = {"message": message, "domain": domain, "reason": reason}
    if location:
        entry |= {"location": location, "locationType": "header"}
    error: dict[str, Any] = {
        "code": status,
        "message": message,
        "errors": [entry],
        "status": canonical or _CANONICAL[status],
    }
    if info:
        error["details"] = [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": info,
                "domain": "googleapis.com",
                "metadata": {"service": "gmail.googleapis.com"},
            }
        ]
    return json.dumps({"error": error}).encode()


def token_error(error: str, description: str | None = None, subtype: str | None = None) -> bytes:
    """Return the body of an error of the token endpoint (RFC 6749, section 5.2).

    Args:
        error: the code, such as ``invalid_grant``.
        description: the sentence for people.
        subtype: Google's own addition, such as ``invalid_rapt``.
    """
    body = {"error": error, "error_description": description, "error_subtype": subtype}
    return json.dumps({name: value for name, value in body.items() if value}).encode()


def html_error(status: int) -> bytes:
    """Return the page that Google's front ends send where no API answered."""
    phrase = HTTPStatus(status).phrase
    return (
        f"<!DOCTYPE html>\n<html lang=en>\n<title>Error {status} ({phrase})!!1</title>\n"
        f"<p><b>{status}.</b> <ins>That’s an error.</ins>\n"
        "<p>The server could not complete your request. <ins>That’s all we know.</ins>\n"
    ).encode()


def unauthenticated() -> Refusal:
    """Return Gmail's answer to an access token that is missing, expired or revoked."""
    body = gmail_error(
        401,
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
        "cookie or other valid authentication credential.",
        "authError",
        location="Authorization",
    )
    return Refusal(401, body, {"WWW-Authenticate": 'Bearer realm="sandbox", error="invalid_token"'})


def insufficient_scope() -> Refusal:
    """Return Gmail's answer to a token whose scopes do not allow the call."""
    body = gmail_error(
        403,
        "Request had insufficient authentication scopes.",
        "insufficientPermissions",
        info="ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    )
    header = 'Bearer realm="sandbox", error="insufficient_scope"'
    return Refusal(403, body, {"WWW-Authenticate": header})


def invalid_argument(message: str) -> Refusal:
    """Return Gmail's answer to a message that it cannot use."""
    return Refusal(400, gmail_error(400, message, "invalidArgument"))


def not_found() -> Refusal:
    """Return Gmail's answer to an identifier that the mailbox does not have."""
    return Refusal(404, gmail_error(404, "Requested entity was not found.", "notFound"))


def oauth_refusal(status: int, error: str, description: str) -> Refusal:
    """Return the token endpoint's answer to a request that it cannot grant."""
    return Refusal(status, token_error(error, description), NO_STORE)

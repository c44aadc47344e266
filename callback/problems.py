"""Errors for programs: RFC 9457 problem details."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from callback.error_responses import UNFORESEEN, UNFORESEEN_DETAIL, outcome_of
from callback.schemas import Problem
from mailcore import PalEMailError

MEDIA_TYPE = "application/problem+json"


class RequestRefused(Exception):
    """The request itself is at fault; nothing was done.

    Attributes:
        status: the HTTP status.
        code: a stable machine-readable name.
        detail: what is wrong.
        remedy: what to do about it, or None where the detail says all.
        field: the member or parameter at fault, or None.
        headers: what the status demands, such as ``Allow`` for 405.
    """

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        remedy: str | None = None,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.remedy = remedy
        self.field = field
        self.headers = headers


def response(
    status: int,
    code: str,
    detail: str,
    *,
    title: str | None = None,
    remedy: str | None = None,
    field: str | None = None,
    delivery_id: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem document.

    Args:
        status: the HTTP status.
        code: a stable machine-readable name; the problem's type is made of it.
        detail: what is wrong this time.
        title: what kind of problem it is; by default the status in words.
        remedy: what to do about it.
        field: the member or parameter at fault.
        delivery_id: the message that it is about.
        headers: to send with it.
    """
    problem = Problem(
        type=f"urn:pal-e-mail:problem:{code}",
        title=title or HTTPStatus(status).phrase,
        status=int(status),
        detail=detail,
        code=code,
        remedy=remedy,
        field=field,
        delivery_id=delivery_id,
    )
    members = {name: value for name, value in asdict(problem).items() if value is not None}
    return Response(
        json.dumps(members, ensure_ascii=False),
        status_code=status,
        media_type=MEDIA_TYPE,
        # A browser that shows one asks for an icon, too, and the address may hold a key.
        headers={
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            **(headers or {}),
        },
    )


def from_refusal(refusal: RequestRefused) -> Response:
    """Return the problem with a request."""
    return response(
        refusal.status,
        refusal.code,
        refusal.detail,
        remedy=refusal.remedy,
        field=refusal.field,
        headers=refusal.headers,
    )


def from_error(error: PalEMailError) -> Response:
    """Return the problem that mailcore raised, with the API's own way out where it has one."""
    outcome = outcome_of(error)
    return response(
        outcome.status,
        error.code,
        outcome.public_message or error.message,
        title=outcome.heading,
        remedy=outcome.api_remedy or (None if outcome.public_message else error.remedy),
        field=getattr(error, "field", None),
        delivery_id=getattr(error, "delivery_id", None),
        headers=_when(error),
    )


def unforeseen() -> Response:
    """Return the problem that says nothing of its cause."""
    return response(
        UNFORESEEN.status, "internal_error", UNFORESEEN_DETAIL, title=UNFORESEEN.heading
    )


def _when(error: PalEMailError) -> dict[str, str]:
    """Say when to try again, where that is known (RFC 9110 section 10.2.3)."""
    seconds = getattr(error, "retry_after", None)
    return {} if seconds is None else {"Retry-After": str(math.ceil(seconds))}


def require_json(request: Request) -> None:
    """Refuse a body that does not say that it is JSON.

    Raises:
        RequestRefused: it says something else, or nothing.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if media_type.lower() != "application/json":
        raise RequestRefused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "not_json",
            "Send JSON, with Content-Type: application/json.",
        )


def not_json() -> RequestRefused:
    """Return the refusal of a body that cannot be read."""
    return RequestRefused(HTTPStatus.BAD_REQUEST, "bad_json", "The body is not JSON.")


def not_an_object() -> RequestRefused:
    """Return the refusal of JSON that is no object."""
    return RequestRefused(
        HTTPStatus.UNPROCESSABLE_ENTITY, "bad_json", "The body must be a JSON object."
    )


def too_large(limit: int) -> RequestRefused:
    """Return the refusal of a body of more bytes than are read."""
    return RequestRefused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body_too_large",
        f"The body is longer than {limit:,} bytes.",
        headers={"Connection": "close"},
    )


def incomplete() -> RequestRefused:
    """Return the refusal of a body whose end never came."""
    return RequestRefused(HTTPStatus.BAD_REQUEST, "incomplete", "The body ended too soon.")


def too_slow(seconds: float) -> RequestRefused:
    """Return the refusal of a body that took too long to come."""
    return RequestRefused(
        HTTPStatus.REQUEST_TIMEOUT,
        "too_slow",
        f"The body did not come within {seconds:g} seconds.",
        headers={"Connection": "close"},
    )

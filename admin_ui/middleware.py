"""What Streamlit does not know of the page's addresses.

It answers every address with the same document, and leads back to the first page after
a login, whichever page was asked for.
"""

from http import HTTPStatus
from urllib.parse import quote, urlsplit

from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response

from admin_ui.guards import Guards
from admin_ui.navigation import PAGES
from mailcore import Settings

#: The addresses at which a page is.
PATHS = frozenset(f"/{address.path}" for address in PAGES)

_WANTED = "palemail_wanted"
_MINUTES_TO_LOG_IN = 10


def stack(settings: Settings) -> list[Middleware]:
    """Return what is put around Streamlit's own answers."""
    return [
        Middleware(
            Guards, public_url=settings.public_url, user_header=settings.trusted_user_header
        ),
        Middleware(BaseHTTPMiddleware, dispatch=_deny_unknown),
        Middleware(BaseHTTPMiddleware, dispatch=_return_after_login),
    ]


async def _deny_unknown(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Let an address that is no page be one that is not found, for programs and probes."""
    response = await call_next(request)
    path = request.url.path
    document = response.headers.get("content-type", "").startswith("text/html")
    if document and response.status_code == HTTPStatus.OK and not _is_ours(path):
        response.status_code = HTTPStatus.NOT_FOUND
    return response


async def _return_after_login(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Remember on the way to a login which page it is for, and lead there on the way back."""
    response = await call_next(request)
    match request.url.path:
        case "/auth/login":
            response.set_cookie(
                _WANTED,
                page_of(request.headers.get("referer", "")),
                max_age=_MINUTES_TO_LOG_IN * 60,
                path="/oauth2callback",
                httponly=True,
                samesite="lax",
            )
        case "/oauth2callback" if response.headers.get("location") == "/":
            response.headers["location"] = page_of(request.cookies.get(_WANTED, ""))
            response.delete_cookie(_WANTED, path="/oauth2callback")
    return response


def _is_ours(path: str) -> bool:
    # Below /senders are the callback's pages for people on their way to Google and back.
    return path in PATHS or path.startswith("/senders/")


def page_of(url: str) -> str:
    """Return the page and the query of an address, and never anything but a page of ours."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "/"
    if parts.path not in PATHS:
        return "/"
    query = quote(parts.query, safe="=&+%")
    return f"{parts.path}?{query}" if query else parts.path

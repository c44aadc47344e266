"""What is put around Streamlit's own answers, from the outside in."""

from http import HTTPStatus

from starlette.middleware import Middleware
from starlette.middleware.base import (
    BaseHTTPMiddleware,
    DispatchFunction,
    RequestResponseEndpoint,
)
from starlette.requests import Request
from starlette.responses import Response

import callback
from admin_ui.deployment import Deployment
from admin_ui.gate import Gate
from admin_ui.guards import Guards
from admin_ui.navigation import is_page
from mailcore import Settings


def stack(deployment: Deployment, *, start_token: str) -> list[Middleware]:
    """Return the middleware.

    Args:
        deployment: what the page shows, and to whom.
        start_token: lets in whoever has it, where there is no login.
    """
    settings = deployment.core.settings
    return [
        Middleware(Guards, public_url=settings.public_url, user_header=settings.user_header),
        Middleware(Gate, deployment=deployment, start_token=start_token),
        Middleware(BaseHTTPMiddleware, dispatch=_not_found(settings)),
    ]


def _not_found(settings: Settings) -> DispatchFunction:
    """Answer an address that is no page with a page of our own, and 404.

    Streamlit answers every address with the same document.
    """

    async def dispatch(request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        document = response.headers.get("content-type", "").startswith("text/html")
        if document and response.status_code == HTTPStatus.OK and not _is_ours(request.url.path):
            return callback.not_found(settings)
        return response

    return dispatch


def _is_ours(path: str) -> bool:
    # Below /senders are the callback's pages for people on their way to Google and back.
    return is_page(path) or path.startswith("/senders/")

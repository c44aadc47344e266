"""The URL map, and the application that serves it alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from callback import api_keys, calendar, health, logs, metrics, openapi, problems
from callback.addresses import DELIVERIES, is_about_deliveries
from callback.api import Api
from callback.endpoint import Endpoint, Operation
from callback.message_api import MessageApi
from callback.pages import Pages
from callback.pages import not_found as no_such_page
from callback.reauth_pages import ReauthPages
from callback.streamed_json import LargeBodies, read_document
from callback.ticket_pages import TicketPages
from mailcore import ApiScope, Mailcore, Settings

#: Messages that are taken in or sent at the same time; further ones wait. They may take minutes,
#: and the other addresses have threads of their own.
_SENDING_AT_ONCE = 32


def routes(core: Mailcore) -> list[Route]:
    """Return every address that this part answers, for any Starlette application.

    As a side effect it keeps codes, states and tickets out of uvicorn's access log:
    whoever serves these addresses needs that.

    Args:
        core: does the work, and holds the settings.
    """
    logs.redact_access_log()
    api, messages = Api(core), MessageApi(core)
    settings = core.settings
    pages = Pages(public_url=settings.public_url, auth_uri=settings.google_auth_uri)
    reauth_pages = ReauthPages(core, pages)
    ticket_pages = TicketPages(core, pages)
    keys = api_keys.Keys(settings.api_keys)
    return [
        # For people, on their way to Google and back. Aliases never take these names.
        Route("/senders/callback", reauth_pages.come_back),
        Route("/senders/callback/{authorization}", reauth_pages.outcome),
        Route("/senders/callback/{authorization}", reauth_pages.go_on, methods=["POST"]),
        Route("/senders/callback/{authorization}/used", reauth_pages.used),
        Route("/senders/reauth/{ticket}", ticket_pages.show),
        Route("/senders/reauth/{ticket}", ticket_pages.redeem, methods=["POST"]),
        # For programs, with a key.
        Route(
            "/senders",
            Endpoint(
                keys,
                GET=Operation(api.list_senders, ApiScope.READ),
                POST=Operation(api.register, ApiScope.ADMIN),
            ),
        ),
        _CalendarRoute(
            calendar.PATH,
            Endpoint(
                api_keys.KeysInAddress(keys, ApiScope.CALENDAR),
                GET=Operation(calendar.serve(core), ApiScope.CALENDAR),
            ),
            methods=["GET"],
        ),
        Route(
            "/senders/{alias}",
            Endpoint(
                keys,
                GET=Operation(api.inspect, ApiScope.READ),
                DELETE=Operation(api.delete, ApiScope.ADMIN),
            ),
        ),
        Route(
            "/senders/{alias}/auth",
            Endpoint(keys, POST=Operation(api.authorize, ApiScope.ADMIN)),
        ),
        Route(
            "/senders/{alias}/messages",
            Endpoint(
                keys,
                POST=Operation(
                    messages.post,
                    ApiScope.SEND,
                    read=read_document,
                    threads=CapacityLimiter(_SENDING_AT_ONCE),
                    room=LargeBodies().room,
                ),
            ),
        ),
        Route("/senders/{alias}/pause", Endpoint(keys, POST=Operation(messages.pause))),
        Route("/senders/{alias}/resume", Endpoint(keys, POST=Operation(messages.resume))),
        Route("/senders/{rest:path}", Endpoint(keys)),
        _DeliveriesRoute(
            DELIVERIES,
            Endpoint(keys, GET=Operation(messages.list, ApiScope.READ)),
        ),
        Route(
            "/deliveries/{delivery}",
            Endpoint(keys, GET=Operation(messages.inspect, ApiScope.READ)),
        ),
        *(
            Route(f"/deliveries/{{delivery}}/{name}", Endpoint(keys, POST=Operation(handler)))
            for name, handler in (
                ("arrived", messages.arrived),
                ("discard", messages.discard),
                ("retry", messages.retry),
                ("hold", messages.hold),
                ("release", messages.release),
            )
        ),
        Route("/metrics", Endpoint(keys, GET=Operation(metrics.serve(core), ApiScope.METRICS))),
        # For whatever watches the process; they tell nothing that needs a key.
        Route("/healthz", Endpoint(None, GET=Operation(health.live))),
        Route("/readyz", Endpoint(None, GET=Operation(health.ready(core)))),
        Route("/openapi.json", Endpoint(None, GET=Operation(openapi.serve(settings.public_url)))),
        # Streamlit's application would redirect these to whatever Host the client names.
        *(
            Route(f"{path}/", Endpoint(None))
            for path in ("/healthz", "/readyz", "/openapi.json", "/metrics")
        ),
    ]


class _CalendarRoute(Route):
    """Leaves alone what is for a sender of that name, from before the name was reserved."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Say whether a request is for the calendar: it brings no key in a header."""
        if "authorization" in Headers(scope=scope) and "key" not in Request(scope).query_params:
            return Match.NONE, {}
        return super().matches(scope)


class _DeliveriesRoute(Route):
    """Leaves the admin page of that name alone."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Say whether a request is for the list."""
        if not is_about_deliveries(scope["path"], Headers(scope=scope)):
            return Match.NONE, {}
        return super().matches(scope)


def not_found(settings: Settings) -> Response:
    """Return the page for an address that has none, with a link to the senders page."""
    pages = Pages(public_url=settings.public_url, auth_uri=settings.google_auth_uri)
    return pages.draw(no_such_page())


def create_app(core: Mailcore | None = None) -> Starlette:
    """Return the application on its own: ``uvicorn --factory callback.app:create_app``.

    Args:
        core: does the work; by default a new one, on the environment's settings, which
            is closed when the server stops.

    Raises:
        ConfigurationError: a setting is wrong.
    """
    owned = core is None
    serving = Mailcore() if core is None else core

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        if owned:
            serving.close()

    app = Starlette(
        routes=routes(serving),
        lifespan=lifespan,
        exception_handlers={HTTPException: _refuse},
    )
    # It would lead to whatever Host the client names.
    app.router.redirect_slashes = False
    return app


def _refuse(_: Request, exc: Exception) -> Response:
    """Answer what no route takes (404), or not with that method (405)."""
    if not isinstance(exc, HTTPException):
        raise TypeError from exc
    name = HTTPStatus(exc.status_code).name.lower()
    return problems.response(exc.status_code, name, exc.detail, headers=exc.headers)

"""The map of the sandbox: Google's addresses, and its own."""

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from mailcore.sandbox.consent import ConsentEndpoint
from mailcore.sandbox.gmail import GmailEndpoints
from mailcore.sandbox.outbox import Outbox
from mailcore.sandbox.state import State
from mailcore.sandbox.switches import Switches
from mailcore.sandbox.tokens import TokenEndpoints
from mailcore.sandbox.traffic import Traffic

_SEND = "gmail/v1/users/me/messages/send"


def create_app(state: State, outbox: Outbox, traffic: Traffic, tokens: TokenEndpoints) -> Starlette:
    """Return the ASGI app.

    Args:
        state: who may do what.
        outbox: where the mail goes.
        traffic: what sends and token requests pass through.
        tokens: the token endpoints.
    """
    consent = ConsentEndpoint(state)
    gmail = GmailEndpoints(state, outbox, traffic)
    switches = Switches(state, outbox, traffic)
    routes = [
        Route(f"/{_SEND}", gmail.send, methods=["POST"]),
        Route(f"/upload/{_SEND}", gmail.upload, methods=["POST"]),
        Route("/token", tokens.token, methods=["POST"]),
        Route("/revoke", tokens.revoke, methods=["POST"]),
        Route("/oauth2/v3/certs", tokens.certificates),
        Route("/.well-known/openid-configuration", tokens.discovery),
        Route("/o/oauth2/v2/auth", consent.show),
        Route("/o/oauth2/v2/auth", consent.answer, methods=["POST"]),
        Route("/", switches.home),
        Route("/outbox", switches.outbox),
        Route("/outbox/{gmail_id}", switches.message),
        Route("/outbox/{gmail_id}/raw", switches.source),
        Route("/sandbox/{switch}", switches.switch, methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={ClientDisconnect: _nobody_listens})


async def _nobody_listens(_request: Request, _exc: Exception) -> Response:
    """Drop a request whose client hung up while still sending it."""
    return Response(status_code=400)

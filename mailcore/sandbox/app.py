"""The map of the sandbox: Google's addresses, and its own."""

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from mailcore.sandbox.consent import ConsentEndpoint
from mailcore.sandbox.draft_endpoints import DraftEndpoints
from mailcore.sandbox.drafts import Drafts
from mailcore.sandbox.gmail import GmailEndpoints
from mailcore.sandbox.outbox import Outbox
from mailcore.sandbox.state import State
from mailcore.sandbox.switches import Switches
from mailcore.sandbox.tokens import TokenEndpoints
from mailcore.sandbox.traffic import Traffic

_GMAIL = "gmail/v1/users/me"


def create_app(
    state: State, outbox: Outbox, drafts: Drafts, traffic: Traffic, tokens: TokenEndpoints
) -> Starlette:
    """Return the ASGI app.

    Args:
        state: who may do what.
        outbox: where the mail goes.
        drafts: what is not sent yet.
        traffic: what sends and token requests pass through.
        tokens: the token endpoints.
    """
    consent = ConsentEndpoint(state)
    gmail = GmailEndpoints(state, outbox, traffic)
    mailbox = DraftEndpoints(state, drafts, traffic)
    switches = Switches(state, outbox, traffic)
    routes = [
        Route(f"/{_GMAIL}/messages/send", gmail.send, methods=["POST"]),
        Route(f"/upload/{_GMAIL}/messages/send", gmail.send, methods=["POST"]),
        Route(f"/{_GMAIL}/drafts", mailbox.create, methods=["POST"]),
        Route(f"/upload/{_GMAIL}/drafts", mailbox.create, methods=["POST"]),
        Route(f"/{_GMAIL}/drafts", mailbox.list),
        Route(f"/{_GMAIL}/drafts/send", mailbox.send, methods=["POST"]),
        Route(f"/{_GMAIL}/drafts/{{draft_id}}", mailbox.get),
        Route(f"/{_GMAIL}/drafts/{{draft_id}}", mailbox.delete, methods=["DELETE"]),
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

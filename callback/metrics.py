"""``GET /metrics``: what Prometheus reads."""

from http import HTTPStatus

from starlette.responses import Response

from callback.endpoint import Call, Handler
from callback.problems import RequestRefused
from mailcore import Mailcore, PalEMailError


def serve(core: Mailcore) -> Handler:
    """Return the handler. They are of all senders, so a key that is for some of them is refused."""

    def scrape(call: Call) -> Response:
        call.caller.require_all_senders()
        try:
            text, content_type = core.metrics.text(), core.metrics.content_type
        except PalEMailError as exc:
            # Its text names hosts and users, and a dashboard may show it to many.
            raise RequestRefused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                exc.code,
                "The database cannot be used. Run on the server: pal-e-mail doctor",
            ) from exc
        headers = {"Content-Type": content_type, "Cache-Control": "no-store"}
        return Response(text, headers=headers)

    return scrape

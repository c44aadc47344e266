"""Is the process alive, and can it do its work."""

from http import HTTPStatus

from starlette.responses import Response

from callback.endpoint import Call, Handler, json_response
from callback.problems import RequestRefused
from callback.schemas import Health
from mailcore import Mailcore, PalEMailError


def live(_: Call) -> Response:
    """``GET /healthz``: the process answers. A database that is down is no reason to kill it."""
    return json_response(Health())


def ready(core: Mailcore) -> Handler:
    """Return the handler of ``GET /readyz``: the database answers, and is migrated."""

    def check(_: Call) -> Response:
        try:
            migrated = core.is_migrated()
        except PalEMailError as exc:
            # Its text names hosts and users, and anybody may ask.
            raise RequestRefused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                exc.code,
                "The database cannot be used. Run on the server: pal-e-mail doctor",
            ) from exc
        if not migrated:
            raise RequestRefused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "not_migrated",
                "The database's tables are not up to date. Run on the server: pal-e-mail migrate",
            )
        return json_response(Health())

    return check

"""Is the process alive, and can it do its work."""

import json
from http import HTTPStatus

from starlette.responses import Response

from callback.problems import RequestRefused
from callback.resource import Call, Handler
from mailcore import Mailcore


def live(_: Call) -> Response:
    """``GET /healthz``: the process answers. A database that is down is no reason to kill it."""
    return _ok()


def ready(core: Mailcore) -> Handler:
    """Return the handler of ``GET /readyz``: the database answers, and is migrated."""

    def check(_: Call) -> Response:
        if not core.is_migrated():
            raise RequestRefused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "not_migrated",
                "The database’s tables are not up to date. Run: pal-e-mail migrate",
            )
        return _ok()

    return check


def _ok() -> Response:
    return Response(
        json.dumps({"status": "ok"}),
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )

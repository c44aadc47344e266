"""Is the process alive, and can it do its work."""

import json

from starlette.responses import Response

from callback.resource import Call, Handler
from mailcore import Mailcore


def live(_: Call) -> Response:
    """``GET /healthz``: the process answers. A database that is down is no reason to kill it."""
    return _ok()


def ready(core: Mailcore) -> Handler:
    """Return the handler of ``GET /readyz``: the database answers, and is migrated."""

    def check(_: Call) -> Response:
        core.database_ready()
        return _ok()

    return check


def _ok() -> Response:
    return Response(
        json.dumps({"status": "ok"}),
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )

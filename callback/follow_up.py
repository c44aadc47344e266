"""What the page after a callback offers, carried there without any secret in an address.

Google's redirect brings ``code`` and ``state`` in the address. So the callback only acts,
and sends the browser on (303) to ``/senders/callback/{authorization id}``: an address that
is no secret, may stay in the history, and shows the outcome from the database, again on
every reload.

One thing the database does not have: a fresh consent link, to try again or for the next
sender that is due (only the hash of its state is stored). It may be given to nobody but
the person who just came back with a valid state, so it is begun in the callback, and
travels in a cookie: for ten minutes, unreadable to scripts, sent to that one page only,
and never from another site. The page's button posts, and that answers with the way to
Google. Without the cookie there is no button, and the page leads back to the senders page.
"""

import base64
import json
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from callback.pages import PRIVATE
from mailcore import Authorization

_COOKIE = "palemail_follow_up"
#: Seconds; as long as the link that it carries works.
_MAX_AGE = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """What the outcome page cannot read from the database.

    Attributes:
        released: how many messages are no longer held and go out now.
        authorization_id: a re-auth that was begun for this person, or None.
        url: its consent link.
    """

    released: int = 0
    authorization_id: str | None = None
    url: str | None = field(default=None, repr=False)


def leading_to(authorization: Authorization | None, *, released: int = 0) -> FollowUp:
    """Return the follow-up that leads to an authorization, if there is one."""
    if authorization is None:
        return FollowUp(released=released)
    return FollowUp(released=released, authorization_id=authorization.id, url=authorization.url)


def send_on(authorization_id: str, follow_up: FollowUp, *, public_url: str) -> Response:
    """Return the redirect from the callback to its outcome's page.

    Args:
        authorization_id: the re-auth that was completed or refused.
        follow_up: what its page offers.
        public_url: the deployment's address; the cookie is bound to it.
    """
    # Relative to /senders/callback, so it holds behind any proxy.
    response = Response(
        status_code=303, headers={**PRIVATE, "Location": f"callback/{authorization_id}"}
    )
    public = urlsplit(public_url)
    response.set_cookie(
        _COOKIE,
        _packed(follow_up),
        max_age=_MAX_AGE,
        path=f"{public.path.rstrip('/')}/senders/callback/{authorization_id}",
        secure=public.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return response


def read(request: Request, *, auth_uri: str) -> FollowUp:
    """Return the follow-up that the browser brings; an empty one if there is none.

    Args:
        request: for the outcome's page.
        auth_uri: Google's consent page. A cookie that leads elsewhere is not ours: other
            hosts of the same domain can set one.
    """
    try:
        packed = json.loads(base64.urlsafe_b64decode(request.cookies.get(_COOKIE, "")))
        found = FollowUp(
            released=int(packed["released"]),
            authorization_id=packed["authorization_id"],
            url=packed["url"],
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return FollowUp()
    leads_to_google = isinstance(found.url, str) and found.url.startswith(f"{auth_uri}?")
    known = isinstance(found.authorization_id, str)
    return found if leads_to_google and known else FollowUp(released=found.released)


def _packed(follow_up: FollowUp) -> str:
    members = {
        "released": follow_up.released,
        "authorization_id": follow_up.authorization_id,
        "url": follow_up.url,
    }
    return base64.urlsafe_b64encode(json.dumps(members).encode()).decode()

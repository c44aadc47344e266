"""The address behind a Re-auth button: it begins a re-auth, and leads on to Google.

A link in a new tab, since browsers block windows that open by themselves. A click on one of our
own pages, or an address that somebody typed, leads on at once; whoever comes from anywhere else
is asked first, so that no other site can begin anything.
"""

from http import HTTPStatus
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from admin_ui.access import admitted
from admin_ui.deployment import Deployment
from admin_ui.navigation import REAUTH
from callback.pages import PRIVATE, Action, Card, Pages
from mailcore import Sender, describe_grant, describe_messages, now

#: What browsers say of who led here (W3C, Fetch Metadata Request Headers).
_OURS = frozenset({"same-origin", "none"})


def url(alias: str, *, choose_account: bool = False) -> str:
    """Return the address that begins a sender's re-auth.

    Args:
        alias: the sender.
        choose_account: show Google's account chooser first, after a wrong account.
    """
    return f"{REAUTH}{quote(alias)}" + ("?account=choose" if choose_account else "")


def routes(deployment: Deployment) -> list[Route]:
    """Return what answers at that address. `admin_ui.gate` lets nobody else in."""
    begin_reauth = BeginReauth(deployment)
    path = f"{REAUTH}{{alias}}"
    return [
        Route(path, begin_reauth.open, methods=["GET"]),
        Route(path, begin_reauth.begin, methods=["POST"]),
    ]


class BeginReauth:
    """Begins re-auths.

    Args:
        deployment: begins them, and says who asks.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        settings = deployment.core.settings
        self._pages = Pages(public_url=settings.public_url, auth_uri=settings.google_auth_uri)
        self.open = self._pages.guarded(self._open)
        self.begin = self._pages.guarded(self._begin)

    def _open(self, request: Request) -> Response:
        if request.method == "HEAD":  # only looking must not begin anything
            return Response(status_code=405, headers={"Allow": "GET, POST", **PRIVATE})
        if _came_by_itself(request):
            return self._begin(request)
        sender = self._deployment.core.senders.get(request.path_params["alias"])
        response = self._pages.draw(_question(sender))
        # The form posts to its own page: without a referrer the browser would say that this
        # comes from nowhere.
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    def _begin(self, request: Request) -> Response:
        authorization = self._deployment.core.authorizations.begin(
            request.path_params["alias"],
            by=admitted(self._deployment, request.headers, request.cookies) or "",
            choose_account=request.query_params.get("account") == "choose",
        )
        return RedirectResponse(authorization.url, HTTPStatus.SEE_OTHER, PRIVATE)


def _came_by_itself(request: Request) -> bool:
    """Say whether a person's click led here, and neither another site nor a browser's guess."""
    guessed = "prefetch" in request.headers.get("sec-purpose", "")
    return request.headers.get("sec-fetch-site") in _OURS and not guessed


def _question(sender: Sender) -> Card:
    account = sender.gmail_account
    facts = [("Status", describe_grant(sender, now()))]
    if sender.project:
        facts.insert(0, ("Project", sender.project))
    if sender.queued:
        facts.append(("Waiting", describe_messages(sender.queued)))
    return Card(
        status=HTTPStatus.OK,
        tone="expiring",
        badge="Re-auth",
        heading=f"Re-authorise {sender.alias}",
        happened="You are about to give pal-e-mail Google's permission to send through it.",
        next_step=(
            f"On Google's page, choose {account or 'the account to send from'} and leave every "
            "box ticked."
        ),
        alias=sender.alias,
        account=account,
        facts=tuple(facts),
        action=Action(label="Continue to Google"),
    )

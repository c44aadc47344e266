"""The one look of every page for people: a card, readable on a phone, without script.

The headers keep a page from being stored, framed, or named as the referrer, and let it load
nothing but its own style, which the policy names by its hash.
"""

import base64
import functools
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from importlib.resources import files
from typing import Literal
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from callback.error_responses import UNFORESEEN, UNFORESEEN_DETAIL, Outcome, outcome_of
from mailcore import PalEMailError

logger = logging.getLogger(__name__)

_STYLE = (files("callback") / "templates" / "style.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_TEMPLATES = Environment(
    loader=PackageLoader("callback"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

#: Go with every answer to a person's browser, redirects included.
PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

#: As on the admin page: green, amber, red, purple, grey.
Tone = Literal["healthy", "expiring", "expired", "blocked", "pending"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """The one thing to do on a page: a button that posts to the page's own address.

    That answers with the way to Google; so no link that works only once is ever in a page.

    Attributes:
        label: the button's text.
    """

    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a page tells.

    Attributes:
        status: the HTTP status.
        tone: the badge's colour and icon.
        badge: the badge's word.
        heading: what happened, in a few words; the page's title too.
        happened: the same in full.
        next_step: what to do next, or None where that is all.
        alias: the sender, where one is known.
        account: its mailbox, where known.
        facts: more about it, as pairs of a name and a text.
        action: the button, or None.
        back: whether it has a link to the senders page.
    """

    status: HTTPStatus
    tone: Tone
    badge: str
    heading: str
    happened: str
    next_step: str | None = None
    alias: str | None = None
    account: str | None = None
    facts: tuple[tuple[str, str], ...] = ()
    action: Action | None = None
    back: bool = True


class Pages:
    """Draws cards.

    Args:
        public_url: the way back, to the admin page.
        auth_uri: Google's consent page, which a form may lead to.
    """

    def __init__(self, *, public_url: str, auth_uri: str) -> None:
        self._home = f"{public_url.rstrip('/')}/"
        self._auth_origin = "{0.scheme}://{0.netloc}".format(urlsplit(auth_uri))

    def draw(self, card: Card) -> Response:
        """Return the page."""
        html = _TEMPLATES.get_template("card.html").render(
            card=card,
            home=self._home,
            # Markup: the style is this package's own file, and holds no "<".
            style=Markup(_STYLE),  # noqa: S704
        )
        policy = self._policy(posts=card.action is not None)
        return HTMLResponse(
            html, card.status, headers={**PRIVATE, "Content-Security-Policy": policy}
        )

    def draw_error(self, error: PalEMailError) -> Response:
        """Return the page for an error that belongs to no authorization that is known."""
        outcome = outcome_of(error)
        happened = outcome.public_message or error.message
        return self.draw(refusal(outcome, happened, alias=error.alias))

    def guarded(self, endpoint: Callable[[Request], Response]) -> Callable[[Request], Response]:
        """Return the endpoint with a page, never a traceback, for each of its errors."""

        @functools.wraps(endpoint)
        def answer(request: Request) -> Response:
            try:
                return endpoint(request)
            except PalEMailError as exc:
                return self.draw_error(exc)
            except Exception:
                logger.exception("A page of the re-authorisation failed")
                return self.draw(refusal(UNFORESEEN, UNFORESEEN_DETAIL))

        return answer

    def _policy(self, *, posts: bool) -> str:
        """Return the Content-Security-Policy.

        Browsers hold a form to `form-action` through all redirects that follow. From
        Google's consent page these may lead on to a company's own login, hence https.
        """
        targets = f"'self' {self._auth_origin} https:" if posts else "'none'"
        return (
            f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {targets}; "
            "base-uri 'none'; frame-ancestors 'none'"
        )


def refusal(
    outcome: Outcome,
    happened: str,
    *,
    alias: str | None = None,
    account: str | None = None,
    action: Action | None = None,
) -> Card:
    """Return the card for something that was not done."""
    ours = outcome.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return Card(
        status=outcome.status,
        tone="expiring" if ours else "expired",
        badge="Not now" if ours else "Not done",
        heading=outcome.heading,
        happened=happened,
        next_step=outcome.next_step,
        alias=alias,
        account=account,
        action=action,
    )


def already_done(alias: str, account: str | None, *, status: HTTPStatus = HTTPStatus.OK) -> Card:
    """Return the card for a link that has done its work."""
    return Card(
        status=status,
        tone="healthy",
        badge="Done",
        heading="Already done",
        happened=f"{alias} has been authorised. This link is no longer needed.",
        next_step="Nothing. You can close this page.",
        alias=alias,
        account=account,
    )


def not_found() -> Card:
    """Return the card for an address without a page."""
    return Card(
        status=HTTPStatus.NOT_FOUND,
        tone="pending",
        badge="Not found",
        heading="Page not found",
        happened="There is no page at this address.",
        next_step="Check the address, or start from the senders page.",
    )


def moment(at: datetime) -> str:
    """Return a moment for people, such as ``29 Nov 2026, 22:18 UTC``."""
    return f"{at.day} {at:%b %Y, %H:%M} UTC"

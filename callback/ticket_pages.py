"""The link for a mailbox's owner: a page with one button.

Looking changes nothing, since chat programs fetch every link for its preview; only the
button's POST uses the ticket up.
"""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callback.pages import PRIVATE, Action, Card, Pages, moment
from mailcore import Mailcore


class TicketPages:
    """A ticket's page, and its button.

    Args:
        core: knows the tickets.
        pages: draws.
    """

    def __init__(self, core: Mailcore, pages: Pages) -> None:
        self._core = core
        self._pages = pages
        self.show = pages.guarded(self._show)
        self.redeem = pages.guarded(self._redeem)

    def _show(self, request: Request) -> Response:
        """``GET /senders/reauth/{ticket}``."""
        ticket = self._core.tickets.inspect(request.path_params["ticket"])
        account = ticket.gmail_account
        card = Card(
            status=HTTPStatus.OK,
            tone="expiring",
            badge="Your permission is needed",
            heading=f"Authorise {ticket.alias}",
            happened=(
                f"Programs send mail from {account or 'a Gmail account'}, and Google needs its "
                "owner’s permission for that."
            ),
            next_step=(
                f"On Google’s page, choose {account or 'the account to send from'} and leave "
                "every box ticked. This link works once."
            ),
            alias=ticket.alias,
            account=account,
            facts=(("Valid until", moment(ticket.expires_at)),),
            action=Action(label="Continue to Google"),
        )
        return self._pages.draw(card)

    def _redeem(self, request: Request) -> Response:
        """``POST /senders/reauth/{ticket}``."""
        authorization = self._core.tickets.redeem(request.path_params["ticket"])
        return RedirectResponse(authorization.url, 303, PRIVATE)

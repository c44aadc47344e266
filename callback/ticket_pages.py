"""The link for a mailbox's owner: a page with one button.

Looking changes nothing, since chat programs fetch every link for its preview; only the button's
POST begins a re-auth. The link is valid until one succeeds.
"""

from collections.abc import Iterator
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callback.pages import PRIVATE, Action, Card, Pages, already_done, moment
from mailcore import (
    LinkUsed,
    Mailcore,
    Sender,
    SenderStatus,
    Ticket,
    describe_grant,
    describe_messages,
    now,
)


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
        try:
            ticket = self._core.tickets.inspect(request.path_params["ticket"])
        except LinkUsed as exc:
            return self._used(exc)
        account = ticket.gmail_account
        sender = self._core.senders.get(ticket.alias)
        card = Card(
            status=HTTPStatus.OK,
            tone="expiring",
            badge="Your permission is needed",
            heading=f"Authorise {ticket.alias}",
            happened=(
                f"Programs send mail from {account or 'a Gmail account'}, and Google needs its "
                "owner's permission for that."
            ),
            next_step=(
                f"On Google's page, choose {account or 'the account to send from'} and leave "
                "every box ticked."
            ),
            alias=ticket.alias,
            account=account,
            facts=tuple(_facts(sender, ticket)),
            action=Action(label="Continue to Google"),
        )
        return self._pages.draw(card)

    def _redeem(self, request: Request) -> Response:
        """``POST /senders/reauth/{ticket}``."""
        try:
            authorization = self._core.tickets.redeem(request.path_params["ticket"])
        except LinkUsed as exc:
            return self._used(exc)
        return RedirectResponse(authorization.url, 303, PRIVATE)

    def _used(self, error: LinkUsed) -> Response:
        """Tell the owner of a sender that is fine that nothing is left to do."""
        if error.alias is None:
            return self._pages.draw_error(error)
        sender = self._core.senders.get(error.alias)
        if sender.status is not SenderStatus.HEALTHY or sender.expiring:
            return self._pages.draw_error(error)
        return self._pages.draw(already_done(sender.alias, sender.gmail_account))


def _facts(sender: Sender, ticket: Ticket) -> Iterator[tuple[str, str]]:
    if sender.project:
        yield "Project", sender.project
    yield "Status", describe_grant(sender, now())
    if sender.queued:
        yield "Waiting", f"{describe_messages(sender.queued)} for this"
    yield "Valid until", moment(ticket.expires_at)

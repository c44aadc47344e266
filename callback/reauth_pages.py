"""Coming back from Google: the callback acts, another page shows what became of it.

Why two, and how a fresh link gets from the one to the other: see `callback.follow_up`.
"""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callback import follow_up
from callback.error_responses import OUTCOMES, UNFORESEEN, UNFORESEEN_DETAIL
from callback.follow_up import FollowUp
from callback.onwards import Onwards
from callback.pages import PRIVATE, Action, Card, Pages, Tone, already_done, moment, refusal
from mailcore import (
    AuthorizationError,
    AuthorizationOutcome,
    AuthorizationProgress,
    DatabaseUnavailable,
    LinkExpired,
    LinkUsed,
    Mailcore,
    PalEMailError,
    Sender,
    SenderNotFound,
    SenderStatus,
    describe_messages,
)


class ReauthPages:
    """The second half of a re-auth, in the browser.

    Args:
        core: completes the re-auth, and knows its outcome.
        pages: draws.
    """

    def __init__(self, core: Mailcore, pages: Pages) -> None:
        self._core = core
        self._pages = pages
        self._onwards = Onwards(core)
        self.come_back = pages.guarded(self._come_back)
        self.outcome = pages.guarded(self._outcome)
        self.go_on = pages.guarded(self._go_on)
        self.used = pages.guarded(self._used)

    def _come_back(self, request: Request) -> Response:
        """``GET /senders/callback``: process Google's answer, then show the outcome elsewhere.

        What belongs to no known authorization is shown right here: there is no outcome. So is
        a database that is down, since the other page could not be drawn either.
        """
        if request.method == "HEAD":  # only looking must not use the link up
            return Response(status_code=405, headers={"Allow": "GET", **PRIVATE})
        query = request.query_params
        try:
            completed = self._core.authorizations.complete(
                state=query.get("state"), code=query.get("code"), error=query.get("error")
            )
        except PalEMailError as exc:
            return self._refuse(exc)
        onwards = self._onwards.after_success(completed)
        offer = follow_up.leading_to(onwards, released=completed.released)
        return self._send_on(completed.authorization_id, offer)

    def _refuse(self, error: PalEMailError) -> Response:
        known = error.authorization_id
        if known is None or isinstance(error, DatabaseUnavailable | SenderNotFound):
            return self._pages.draw_error(error)
        if isinstance(error, LinkUsed):
            return RedirectResponse(f"callback/{known}/used", 303, PRIVATE)
        return self._send_on(known, follow_up.leading_to(self._onwards.after_refusal(error, known)))

    def _outcome(self, request: Request) -> Response:
        """``GET /senders/callback/{authorization}``: what became of it, on every reload."""
        progress = self._core.authorizations.progress(request.path_params["authorization"])
        offer = self._offer(request)
        match progress.outcome:
            case AuthorizationOutcome.DONE:
                card = self._done(progress, offer)
            case AuthorizationOutcome.WAITING:
                card = _waiting(progress)
            case AuthorizationOutcome.REFUSED | AuthorizationOutcome.EXPIRED:
                card = _refused(progress, self._offered(offer))
        return self._pages.draw(card)

    def _go_on(self, request: Request) -> Response:
        """``POST /senders/callback/{authorization}``: its button, on to Google."""
        offer = self._offer(request)
        here = request.path_params["authorization"]
        return RedirectResponse(offer.url or f"../callback/{here}", 303, PRIVATE)

    def _used(self, request: Request) -> Response:
        """``GET /senders/callback/{authorization}/used``: for a replay, or a double click."""
        progress = self._core.authorizations.progress(request.path_params["authorization"])
        return self._pages.draw(_used_before(progress))

    def _send_on(self, authorization_id: str, offer: FollowUp) -> Response:
        public_url = self._core.settings.public_url
        return follow_up.send_on(authorization_id, offer, public_url=public_url)

    def _done(self, progress: AuthorizationProgress, offer: FollowUp) -> Card:
        sender = self._sender(progress.alias)
        if sender is not None and sender.offered_account:
            return _to_be_confirmed(sender.alias, sender.offered_account)
        healthy = sender is not None and sender.status is SenderStatus.HEALTHY
        next_step, action = self._after_success(progress, offer)
        return Card(
            status=HTTPStatus.OK,
            tone="healthy",
            badge="Healthy" if healthy else "Done",
            heading=f"{progress.alias} is healthy" if healthy else f"{progress.alias}: done",
            happened="Google granted access. Jobs can now send through this sender.",
            next_step=next_step,
            alias=progress.alias,
            account=progress.gmail_account,
            facts=_facts(sender, offer),
            action=action,
        )

    def _after_success(
        self, progress: AuthorizationProgress, offer: FollowUp
    ) -> tuple[str, Action | None]:
        if progress.walk is None:
            return "Nothing. You can close this page.", None
        due = self._core.senders.page(walk=progress.walk, limit=1).matching
        if due == 0:
            return "Nothing. All done: no other sender is left to renew.", None
        left = "One more sender is due." if due == 1 else f"{due} more senders are due."
        following = self._offered(offer)
        if following is None:
            return f"{left} Continue from the senders page.", None
        choose = f"On Google's page, choose {following.gmail_account or 'its account'}."
        return f"{left} {choose}", Action(label=f"Next: {following.alias}")

    def _offer(self, request: Request) -> FollowUp:
        return follow_up.read(request, auth_uri=self._core.settings.google_auth_uri)

    def _offered(self, offer: FollowUp) -> AuthorizationProgress | None:
        """Return the re-auth that is offered; None if there is none, or it is over."""
        if offer.authorization_id is None:
            return None
        try:
            progress = self._core.authorizations.progress(offer.authorization_id)
        except AuthorizationError:
            return None
        return progress if progress.outcome is AuthorizationOutcome.WAITING else None

    def _sender(self, alias: str) -> Sender | None:
        try:
            return self._core.senders.get(alias)
        except SenderNotFound:
            return None


def _refused(progress: AuthorizationProgress, offered: AuthorizationProgress | None) -> Card:
    outcome = OUTCOMES.get(progress.code or LinkExpired.code, UNFORESEEN)
    action = None
    if offered is not None:
        same = offered.alias == progress.alias
        action = Action(label="Try again with Google" if same else f"Next: {offered.alias}")
    return refusal(
        outcome,
        progress.detail or UNFORESEEN_DETAIL,
        alias=progress.alias,
        account=progress.gmail_account,
        action=action,
    )


def _to_be_confirmed(alias: str, account: str) -> Card:
    return Card(
        status=HTTPStatus.OK,
        tone="pending",
        badge="To be confirmed",
        heading=f"{alias}: an admin has to confirm",
        happened=(
            f"Google granted access to {account}. Before anything is sent from it, an admin has "
            "to confirm that it is the right mailbox."
        ),
        next_step="Nothing. You can close this page.",
        alias=alias,
        account=account,
    )


def _waiting(progress: AuthorizationProgress) -> Card:
    return Card(
        status=HTTPStatus.ACCEPTED,
        tone="pending",
        badge="Waiting",
        heading="Not finished yet",
        happened=f"Google has not responded for {progress.alias} yet.",
        next_step="Finish on Google's page, then reload this one.",
        alias=progress.alias,
        account=progress.gmail_account,
    )


def _used_before(progress: AuthorizationProgress) -> Card:
    outcome = OUTCOMES[LinkUsed.code]
    tone: Tone
    match progress.outcome:
        case AuthorizationOutcome.DONE:
            return already_done(progress.alias, progress.gmail_account, status=outcome.status)
        case AuthorizationOutcome.WAITING:
            tone, badge = "pending", "Waiting"
            happened = "The first visit is still being processed."
            next_step = "Reload this page in a few seconds."
        case _:
            tone, badge = "expired", "Not done"
            happened = progress.detail or "The first visit did not succeed."
            next_step = outcome.next_step
    return Card(
        status=outcome.status,
        tone=tone,
        badge=badge,
        heading=outcome.heading,
        happened=happened,
        next_step=next_step,
        alias=progress.alias,
        account=progress.gmail_account,
    )


def _facts(sender: Sender | None, offer: FollowUp) -> tuple[tuple[str, str], ...]:
    facts = []
    if offer.released:
        facts.append(("No longer held", describe_messages(offer.released)))
    if sender is not None and sender.grant_expires_at is not None:
        facts.append(("Valid until", moment(sender.grant_expires_at)))
    return tuple(facts)

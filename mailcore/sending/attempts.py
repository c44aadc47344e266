"""Getting one message to Gmail before a deadline, without ever sending it twice."""

from tenacity import RetryCallState, Retrying, retry_if_exception
from tenacity.wait import wait_base, wait_random_exponential

from mailcore.clock import now
from mailcore.errors import DatabaseUnavailable, PalEMailError
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.google.gmail import Accepted, Gmail
from mailcore.google.service_accounts import refused_by_gmail
from mailcore.grants.tokens import Tokens
from mailcore.senders.transitions import REFUSALS
from mailcore.sending.drafted import DraftedSending
from mailcore.sending.outgoing import OutgoingMessage
from mailcore.values.deliveries import IfUnknown


class Attempts:
    """Tries until the deadline.

    Args:
        tokens: renews grants.
        gmail: takes messages.
        drafted: sends those of senders that send drafts.
    """

    def __init__(self, tokens: Tokens, gmail: Gmail, drafted: DraftedSending) -> None:
        self._tokens = tokens
        self._gmail = gmail
        self._drafted = drafted

    def run(self, outgoing: OutgoingMessage) -> Accepted:
        """Repeat what certainly did not reach Gmail; what may have, only if its caller wants that.

        The queue has its messages tried once: it sends others meanwhile.

        Raises:
            GoogleFailure: the last attempt's.
            PalEMailError: the sender is gone, the database away, or no client is set up.
        """
        try:
            return self._attempt(outgoing) if outgoing.tries_once else self._repeat(outgoing)
        except (GoogleFailure, PalEMailError) as exc:
            # What became of the last attempt says nothing of the one before.
            if outgoing.may_have_arrived:
                raise _unknown(exc) from exc
            raise

    def _repeat(self, outgoing: OutgoingMessage) -> Accepted:
        def too_late(state: RetryCallState) -> bool:
            return state.upcoming_sleep >= outgoing.request.post_by.seconds_left

        def again(exc: BaseException) -> bool:
            return _did_not_arrive(exc) or _is_repeated(exc, outgoing)

        before: GoogleFailure | None = None

        def attempt() -> Accepted:
            nonlocal before
            try:
                return self._attempt(outgoing)
            except GoogleFailure as failure:
                is_late = outgoing.request.post_by.is_over
                if before and is_late and failure.kind is FailureKind.TEMPORARY:
                    # That the time was up says less than what Google had said.
                    raise before from failure
                before = failure
                raise

        retrying = Retrying(
            retry=retry_if_exception(again), wait=_AsGoogleAsks(), stop=too_late, reraise=True
        )
        return retrying(attempt)

    def _attempt(self, outgoing: OutgoingMessage) -> Accepted:
        try:
            return self._with_grant(outgoing)
        except GoogleFailure as failure:
            if failure.kind not in REFUSALS or not self._reauthorised(outgoing):
                raise
        # A re-auth has replaced the grant meanwhile: the new one is tried, once.
        return self._with_grant(outgoing)

    def _with_grant(self, outgoing: OutgoingMessage) -> Accepted:
        try:
            return self._with_access(outgoing)
        except GoogleFailure as failure:
            if failure.kind is not FailureKind.GRANT or not outgoing.sender.service_account:
                raise
            raise refused_by_gmail(failure) from failure

    def _with_access(self, outgoing: OutgoingMessage) -> Accepted:
        deadline = outgoing.request.deadline
        outgoing.sender = self._tokens.fresh(outgoing.sender, deadline)
        try:
            return self._post(outgoing)
        except GoogleFailure as failure:
            if failure.kind is not FailureKind.ACCESS_TOKEN:
                raise
        # Google may end an access token early; the grant behind it may still be good.
        refused = outgoing.sender
        outgoing.sender = refused.without_access_token()  # never posted again, whatever comes
        outgoing.sender = self._tokens.renew(refused, deadline, refused=True)
        try:
            return self._post(outgoing)
        except GoogleFailure as failure:
            if failure.kind is not FailureKind.ACCESS_TOKEN:
                raise
            raise GoogleFailure(FailureKind.GRANT, failure.reason, failure.text) from failure

    def _post(self, outgoing: OutgoingMessage) -> Accepted:
        if outgoing.request.post_by.is_over:
            raise GoogleFailure(FailureKind.TEMPORARY, "deadline", "too little time was left")
        outgoing.attempts += 1
        outgoing.asked_at = outgoing.sender.postgres_clock.now()
        if outgoing.draft is not None or outgoing.sender.sends_drafts:
            return self._drafted.post(outgoing)
        outgoing.in_flight = True
        try:
            return self._gmail.send(
                outgoing.message.raw,
                access_token=outgoing.sender.grant.access_token or "",
                thread_id=outgoing.request.thread_id,
                deadline=outgoing.request.deadline,
                post_by=outgoing.request.post_by,
            )
        except GoogleFailure as failure:
            outgoing.in_flight = failure.kind is FailureKind.UNKNOWN
            raise

    def _reauthorised(self, outgoing: OutgoingMessage) -> bool:
        used = outgoing.sender
        current = self._tokens.load(used.alias, outgoing.request.deadline)
        # A sender that was deleted and registered anew is another one.
        if current.id != used.id or current.generation == used.generation:
            return False
        outgoing.sender = current
        return True


def _unknown(exc: GoogleFailure | PalEMailError) -> GoogleFailure:
    if isinstance(exc, GoogleFailure):
        return GoogleFailure(FailureKind.UNKNOWN, exc.reason, exc.text)
    return GoogleFailure(FailureKind.UNKNOWN, exc.code, exc.message)


def _is_repeated(exc: BaseException, outgoing: OutgoingMessage) -> bool:
    """Say whether a message may have arrived, and its caller rather has it twice than never."""
    unknown = isinstance(exc, GoogleFailure) and exc.kind is FailureKind.UNKNOWN
    if unknown and outgoing.request.if_unknown is IfUnknown.RESEND:
        outgoing.may_have_arrived = True
        return True
    return False


def _did_not_arrive(exc: BaseException) -> bool:
    if isinstance(exc, GoogleFailure):
        return exc.kind in {FailureKind.TEMPORARY, FailureKind.RATE}
    return isinstance(exc, DatabaseUnavailable)


class _AsGoogleAsks(wait_base):
    """Jittered backoff, or longer where Google says when."""

    _backoff = wait_random_exponential(multiplier=0.25, max=8)

    def __call__(self, retry_state: RetryCallState) -> float:
        backoff = self._backoff(retry_state)
        failure = retry_state.outcome and retry_state.outcome.exception()
        if isinstance(failure, GoogleFailure) and failure.retry_at is not None:
            return max((failure.retry_at - now()).total_seconds(), 0.0) + backoff
        return backoff

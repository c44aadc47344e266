"""Getting one message to Gmail before a deadline, without ever sending it twice."""

import time
from dataclasses import dataclass, replace

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_before_delay
from tenacity.wait import wait_base, wait_random_exponential

from mailcore.clock import now
from mailcore.errors import DatabaseUnavailable
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.google.gmail import Accepted, Gmail
from mailcore.grants.tokens import LoadedSender, Tokens
from mailcore.sending.delivery_table import Attempted

#: Seconds before the deadline after which no attempt is begun; half the timeout if shorter.
ANSWER_TIME = 5.0


@dataclass(slots=True, kw_only=True)
class Submission:
    """One message on its way, and how far it has come.

    Attributes:
        sender: with the grant that the latest attempt used.
        thread_id: Gmail's id of the thread to put it in, or None.
        begun: when, by the monotonic clock, in seconds.
        timeout: seconds for everything.
        attempted: what is to be recorded of it.
        in_flight: Gmail may have it, and has not answered.
    """

    sender: LoadedSender
    thread_id: str | None
    begun: float
    timeout: float
    attempted: Attempted
    in_flight: bool = False

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline; never none at all, so that timeouts stay valid."""
        return max(self.begun + self.timeout - time.monotonic(), 0.001)

    @property
    def answer_time(self) -> float:
        """Seconds that Gmail must have to answer.

        A mail posted with less would end as unknown, though it could be called unsent.
        """
        return min(ANSWER_TIME, self.timeout / 2)


class Attempts:
    """Tries until the deadline.

    Args:
        tokens: renews grants.
        gmail: takes messages.
    """

    def __init__(self, tokens: Tokens, gmail: Gmail) -> None:
        self._tokens = tokens
        self._gmail = gmail

    def run(self, submission: Submission) -> Accepted:
        """Repeat what certainly did not reach Gmail, and nothing else.

        Raises:
            GoogleFailure: the last attempt's.
            PalEMailError: the sender is gone, the database away, or no client is set up.
        """
        retrying = Retrying(
            retry=retry_if_exception(_did_not_arrive),
            wait=_AsGoogleAsks(),
            stop=stop_before_delay(submission.seconds_left - submission.answer_time),
            reraise=True,
        )
        return retrying(self._attempt, submission)

    def _attempt(self, submission: Submission) -> Accepted:
        try:
            return self._with_grant(submission)
        except GoogleFailure as failure:
            if failure.kind is not FailureKind.GRANT or not self._reauthorised(submission):
                raise
        # The grant died because a re-auth replaced it meanwhile: the new one is tried, once.
        return self._with_grant(submission)

    def _with_grant(self, submission: Submission) -> Accepted:
        self._renew(submission)
        try:
            return self._post(submission)
        except GoogleFailure as failure:
            if failure.kind is not FailureKind.ACCESS_TOKEN:
                raise
        # Google may end an access token early; the grant behind it may still be good.
        refused = submission.sender.grant.access_token
        submission.sender = submission.sender.without_access_token()
        self._renew(submission, refused=refused)
        try:
            return self._post(submission)
        except GoogleFailure as failure:
            if failure.kind is not FailureKind.ACCESS_TOKEN:
                raise
            raise GoogleFailure(FailureKind.GRANT, failure.reason, failure.text) from failure

    def _renew(self, submission: Submission, *, refused: str | None = None) -> None:
        submission.sender = self._tokens.fresh(
            submission.sender, timeout=submission.seconds_left, refused=refused
        )

    def _post(self, submission: Submission) -> Accepted:
        attempted = submission.attempted
        if submission.seconds_left < submission.answer_time:
            raise GoogleFailure(FailureKind.TEMPORARY, "deadline", "too little time was left")
        submission.attempted = replace(attempted, attempts=attempted.attempts + 1)
        submission.in_flight = True
        try:
            return self._gmail.send(
                attempted.message.raw,
                access_token=submission.sender.grant.access_token or "",
                thread_id=submission.thread_id,
                timeout=submission.seconds_left,
                answer_time=submission.answer_time,
            )
        except GoogleFailure as failure:
            submission.in_flight = failure.kind is FailureKind.UNKNOWN
            raise

    def _reauthorised(self, submission: Submission) -> bool:
        used, current = submission.sender, self._tokens.load(submission.sender.alias)
        # A sender that was deleted and registered anew is another one.
        if current.id != used.id or current.generation == used.generation:
            return False
        submission.sender = current
        return True


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

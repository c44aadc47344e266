"""Sending a message: the outline, from the arguments to the recorded outcome."""

import logging
import math
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Unpack
from uuid import uuid4

from sqlalchemy.exc import SQLAlchemyError

from mailcore import records
from mailcore.arguments import ContentArguments
from mailcore.attempts import Attempts, Submission
from mailcore.database import DATABASE_PATIENCE, Database, patiently
from mailcore.errors import DatabaseUnavailable, InvalidMessage, MailError, PalEMailError
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.google.gmail import Accepted
from mailcore.idempotency import earlier_outcome
from mailcore.message import ComposedMessage, compose
from mailcore.moves import record_refusal
from mailcore.outcome import DeliveryStatus, Sent
from mailcore.records import Attempted
from mailcore.refusals import ERRORS, explain, to_error
from mailcore.settings import Settings
from mailcore.tokens import LoadedSender, Tokens

log = logging.getLogger("mailcore")

#: Characters that a name given by the caller may have.
_MAX_NAME = 255
_RECORD_FAILURES = (PalEMailError, SQLAlchemyError)


class Sending:
    """Sends messages and records what came of them.

    Args:
        settings: the admin page's address, for errors.
        database: where outcomes are recorded.
        tokens: loads grants.
        attempts: gets messages to Gmail.
    """

    def __init__(
        self, settings: Settings, database: Database, tokens: Tokens, attempts: Attempts
    ) -> None:
        self._admin_url = settings.public_url
        self._database = database
        self._tokens = tokens
        self._attempts = attempts

    def send_email(
        self,
        alias: str,
        *,
        dry_run: bool = False,
        thread_id: str | None = None,
        idempotency_key: str | None = None,
        timeout: float = 30.0,
        **content: Unpack[ContentArguments],
    ) -> Sent | ComposedMessage:
        """See `mailcore.Mailcore.send_email`."""
        _check_how(alias, thread_id, idempotency_key, timeout)
        begun = time.monotonic()
        sender = patiently(DatabaseUnavailable, timeout)(self._tokens.load, alias)
        message = _compose(sender, content)
        if dry_run:
            return message
        submission = Submission(
            sender=sender,
            thread_id=thread_id,
            begun=begun,
            timeout=timeout,
            attempted=Attempted(
                id=uuid4(),
                alias=alias,
                message=message,
                idempotency_key=idempotency_key,
                attempts=0,
            ),
        )
        return self._earlier(submission) or self.deliver(submission)

    def deliver(
        self, submission: Submission, *, if_not_sent: DeliveryStatus = DeliveryStatus.FAILED
    ) -> Sent:
        """Attempt, record, tell.

        Args:
            submission: what to send, until when.
            if_not_sent: the status recorded where it certainly did not go out.

        Raises:
            MailError: it did not go out, or may not have; the kind says which.
            ConfigurationError: the deployment is at fault.
        """
        started = time.monotonic()
        outcome = "interrupted"
        try:
            accepted = self._attempts.run(submission)
            outcome = "sent"
        except GoogleFailure as failure:
            outcome = ERRORS[failure.kind].code
            recorded = self._record_failure(submission, failure, if_not_sent)
            raise self._to_error(submission, failure, recorded=recorded) from failure
        except PalEMailError as exc:
            outcome = exc.code
            self._record_error(submission, exc, if_not_sent)
            raise
        except BaseException as exc:  # Ctrl-C, or a signal that ends the process
            self._record_failure(submission, _interruption(submission, exc), if_not_sent)
            raise
        finally:
            _tell(submission, outcome, time.monotonic() - started)
        self._record_sent(submission, accepted)
        return Sent(
            delivery_id=str(submission.attempted.id),
            gmail_id=accepted.gmail_id,
            thread_id=accepted.thread_id,
            message_id=submission.attempted.message.message_id,
            alias=submission.sender.alias,
        )

    def _earlier(self, submission: Submission) -> Sent | None:
        """Return what an earlier call with the key came to, or record the intent to send."""
        key = submission.attempted.idempotency_key
        if key is None:
            return None
        while True:
            asking = patiently(DatabaseUnavailable, submission.seconds_left)
            claimed = asking(self._claim, submission)
            if claimed is not None:
                submission.attempted = claimed
                return None
            earlier = earlier_outcome(
                self._database,
                submission.sender.alias,
                key,
                seconds=submission.seconds_left,
                admin_url=self._admin_url,
            )
            if earlier is not None:
                return earlier

    def _claim(self, submission: Submission) -> Attempted | None:
        with self._database.statement() as connection:
            return records.claim(
                connection,
                submission.attempted,
                thread_id=submission.thread_id,
                lease=timedelta(seconds=submission.seconds_left),
            )

    def _record_sent(self, submission: Submission, accepted: Accepted) -> None:
        """Record a sent mail. It is sent even if that fails: say so loudly, never send again."""

        def write() -> None:
            with self._database.statement() as connection:
                records.record_sent(
                    connection,
                    submission.attempted,
                    accepted,
                    sender_id=submission.sender.id,
                    generation=submission.sender.generation,
                )

        _record(submission, "The mail was SENT. Do not send it again.", write)

    def _record_failure(
        self, submission: Submission, failure: GoogleFailure, if_not_sent: DeliveryStatus
    ) -> bool:
        sender = submission.sender
        reason = explain(failure, alias=sender.alias, admin_url=self._admin_url)
        unknown = failure.kind is FailureKind.UNKNOWN

        def write() -> None:
            with self._database.transaction() as connection:
                records.record_not_sent(
                    connection,
                    submission.attempted,
                    DeliveryStatus.UNKNOWN if unknown else if_not_sent,
                    error_code=ERRORS[failure.kind].code,
                    error_text=reason,
                    thread_id=submission.thread_id,
                )
                record_refusal(
                    connection,
                    failure,
                    sender_id=sender.id,
                    generation=sender.generation,
                    reason=reason,
                    who="job",
                )

        return _record(submission, reason, write)

    def _record_error(
        self, submission: Submission, exc: PalEMailError, if_not_sent: DeliveryStatus
    ) -> None:
        """Record what failed before Google was asked: the database, the client, a deletion."""

        def write() -> None:
            with self._database.statement() as connection:
                records.record_not_sent(
                    connection,
                    submission.attempted,
                    if_not_sent,
                    error_code=exc.code,
                    error_text=str(exc),
                    thread_id=submission.thread_id,
                )

        recorded = _record(submission, str(exc), write)
        exc.alias = submission.sender.alias
        if recorded and isinstance(exc, MailError):
            exc.delivery_id = str(submission.attempted.id)

    def _to_error(
        self, submission: Submission, failure: GoogleFailure, *, recorded: bool
    ) -> PalEMailError:
        return to_error(
            failure,
            alias=submission.sender.alias,
            admin_url=self._admin_url,
            delivery_id=str(submission.attempted.id) if recorded else None,
        )


def _record(submission: Submission, outcome: str, write: Callable[[], None]) -> bool:
    """Write a record, and return whether that could be done.

    Each can be written twice. One that cannot be written changes no outcome, and must be seen.
    """
    try:
        patiently(_RECORD_FAILURES, DATABASE_PATIENCE)(write)
    except _RECORD_FAILURES as exc:
        # Not the traceback: it would show the statement's values, and so the message.
        why = str(exc.__cause__ or exc).partition("\n")[0]
        log.critical("%s This could not be recorded: %s", outcome, why, extra=_about(submission))
        return False
    return True


def _interruption(submission: Submission, exc: BaseException) -> GoogleFailure:
    kind = FailureKind.UNKNOWN if submission.in_flight else FailureKind.TEMPORARY
    return GoogleFailure(kind, "interrupted", f"it was stopped by {type(exc).__name__}")


def _tell(submission: Submission, outcome: str, seconds: float) -> None:
    extra = {**_about(submission), "outcome": outcome, "duration_ms": round(seconds * 1000, 1)}
    level = logging.INFO if outcome == "sent" else logging.WARNING
    log.log(
        level,
        "delivery %s of sender %s: %s",
        extra["delivery_id"],
        extra["sender"],
        outcome,
        extra=extra,
    )


def _about(submission: Submission) -> dict[str, object]:
    return {
        "sender": submission.sender.alias,
        "delivery_id": str(submission.attempted.id),
        "attempts": submission.attempted.attempts,
    }


def _compose(sender: LoadedSender, content: ContentArguments) -> ComposedMessage:
    if content.get("from_name") is None:
        content = {**content, "from_name": sender.display_name}
    return compose(alias=sender.alias, from_address=sender.gmail_account, **content)


def _check_how(alias: str, thread_id: str | None, key: str | None, timeout: float) -> None:
    if not 0 < timeout < math.inf:
        raise InvalidMessage(
            f"The timeout must be a number of seconds above 0, not {timeout!r}.",
            field="timeout",
            alias=alias,
        )
    if thread_id is not None and not _is_name(thread_id):
        raise InvalidMessage(
            "The thread id must be one of Gmail's, as in Sent.thread_id. Example: 18f3a0b1c2d3e4f5",
            field="thread_id",
            alias=alias,
        )
    if key is not None and not _is_name(key):
        raise InvalidMessage(
            f"The idempotency key must be 1 to {_MAX_NAME} printable characters. "
            "Example: disk-2026-11-22",
            field="idempotency_key",
            alias=alias,
        )


def _is_name(value: str) -> bool:
    return bool(value.strip()) and len(value) <= _MAX_NAME and value.isprintable()

"""Sending a message: the outline, from the arguments to the recorded outcome."""

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Unpack
from uuid import uuid4

from mailcore.errors import DatabaseUnavailable, InvalidMessage, PalEMailError
from mailcore.google.error_mapping import ERRORS, to_error
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.grants.tokens import LoadedSender, Tokens
from mailcore.message.arguments import ContentArguments
from mailcore.message.compose import ComposedMessage, compose
from mailcore.sending import delivery_table
from mailcore.sending.attempts import Attempts, Submission
from mailcore.sending.delivery_table import Attempted
from mailcore.sending.idempotency import earlier_outcome
from mailcore.sending.outcome_recorder import OutcomeRecorder, about
from mailcore.settings import Settings
from mailcore.store.database import Database, patiently
from mailcore.values.deliveries import DeliveryStatus, Sent

log = logging.getLogger("mailcore")

#: Characters that a name given by the caller may have.
_MAX_NAME = 255


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
        self._recording = OutcomeRecorder(database, self._admin_url)

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
        with _naming(alias):
            _check_how(thread_id, idempotency_key, timeout)
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
            recorded = self._recording.failure(submission, failure, if_not_sent)
            raise self._to_error(submission, failure, recorded=recorded) from failure
        except PalEMailError as exc:
            outcome = exc.code
            self._recording.error(submission, exc, if_not_sent)
            raise
        except BaseException as exc:  # Ctrl-C, or a signal that ends the process
            self._recording.failure(submission, _interruption(submission, exc), if_not_sent)
            raise
        finally:
            _tell(submission, outcome, time.monotonic() - started)
        self._recording.sent(submission, accepted)
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
                submission.attempted,
                key,
                seconds=submission.seconds_left,
                admin_url=self._admin_url,
            )
            if earlier is not None:
                return earlier

    def _claim(self, submission: Submission) -> Attempted | None:
        with self._database.statement() as connection:
            return delivery_table.claim(
                connection,
                submission.attempted,
                thread_id=submission.thread_id,
                lease=timedelta(seconds=submission.seconds_left),
            )

    def _to_error(
        self, submission: Submission, failure: GoogleFailure, *, recorded: bool
    ) -> PalEMailError:
        return to_error(
            failure,
            alias=submission.sender.alias,
            admin_url=self._admin_url,
            delivery_id=str(submission.attempted.id) if recorded else None,
        )


def _interruption(submission: Submission, exc: BaseException) -> GoogleFailure:
    kind = FailureKind.UNKNOWN if submission.in_flight else FailureKind.TEMPORARY
    return GoogleFailure(kind, "interrupted", f"it was stopped by {type(exc).__name__}")


def _tell(submission: Submission, outcome: str, seconds: float) -> None:
    extra = {**about(submission), "outcome": outcome, "duration_ms": round(seconds * 1000, 1)}
    level = logging.INFO if outcome == "sent" else logging.WARNING
    log.log(
        level,
        "delivery %s of sender %s: %s",
        extra["delivery_id"],
        extra["sender"],
        outcome,
        extra=extra,
    )


@contextmanager
def _naming(alias: str) -> Iterator[None]:
    """Name the sender in every error: not all parts below know it."""
    try:
        yield
    except PalEMailError as exc:
        exc.alias = alias
        raise


def _compose(sender: LoadedSender, content: ContentArguments) -> ComposedMessage:
    if content.get("from_name") is None:
        content = {**content, "from_name": sender.display_name}
    elif sender.gmail_account is None:
        log.warning(
            "sender %s: from_name is left to Gmail, as the account is known after its re-auth only",
            sender.alias,
        )
    return compose(from_address=sender.gmail_account, **content)


def _check_how(thread_id: str | None, key: str | None, timeout: float) -> None:
    if not 0 < timeout < math.inf:
        raise InvalidMessage(
            f"The timeout must be a number of seconds above 0, not {timeout!r}.",
            field="timeout",
        )
    if thread_id is not None and not _is_name(thread_id):
        raise InvalidMessage(
            "The thread id must be one of Gmail's, as in Sent.thread_id. Example: 18f3a0b1c2d3e4f5",
            field="thread_id",
        )
    if key is not None and not _is_name(key):
        raise InvalidMessage(
            f"The idempotency key must be 1 to {_MAX_NAME} printable characters. "
            "Example: disk-2026-11-22",
            field="idempotency_key",
        )


def _is_name(value: str) -> bool:
    return bool(value.strip()) and len(value) <= _MAX_NAME and value.isprintable()

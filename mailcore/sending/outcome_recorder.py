"""Recording what came of a message, so that no outcome is lost with the database."""

import logging
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from mailcore.errors import MailError, OutcomeUnknown, PalEMailError
from mailcore.google.error_mapping import ERRORS, explain
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.google.gmail import Accepted
from mailcore.grants.tokens import RenewalFailed
from mailcore.senders.transitions import record_refusal
from mailcore.sending import delivery_table
from mailcore.sending.attempts import Submission
from mailcore.status import RefusedBy
from mailcore.store.database import DATABASE_PATIENCE, Database, patiently
from mailcore.values.deliveries import DeliveryStatus

log = logging.getLogger("mailcore")

_RECORD_FAILURES = (PalEMailError, SQLAlchemyError)
_STILL_OPEN = "Whether the first attempt arrived is still open."


class OutcomeRecorder:
    """Writes outcomes down. Each record can be written twice.

    One that cannot be written changes no outcome, and is logged as critical.

    Args:
        database: where outcomes are recorded.
        admin_url: the admin page's address, for what is said of a failure.
    """

    def __init__(self, database: Database, admin_url: str) -> None:
        self._database = database
        self._admin_url = admin_url

    def sent(self, submission: Submission, accepted: Accepted) -> None:
        """Record a sent mail. It is sent even if that fails: say so loudly, never send again."""

        def write() -> None:
            with self._database.statement() as connection:
                delivery_table.record_sent(
                    connection,
                    submission.attempted,
                    accepted,
                    sender_id=submission.sender.id,
                    generation=submission.sender.generation,
                )

        _record(submission, "The mail was SENT. Do not send it again.", write)

    def failure(
        self, submission: Submission, failure: GoogleFailure, if_not_sent: DeliveryStatus
    ) -> bool:
        """Record what Google answered, or that it did not, with the delivery and its sender.

        Args:
            submission: what was to be sent.
            failure: what happened.
            if_not_sent: the status where it certainly did not go out.

        Returns:
            Whether it could be recorded.
        """
        sender = submission.sender
        reason = explain(failure, alias=sender.alias, admin_url=self._admin_url)
        unknown = failure.kind is FailureKind.UNKNOWN or if_not_sent is DeliveryStatus.UNKNOWN
        error_text = reason
        if unknown and failure.kind is not FailureKind.UNKNOWN:
            error_text = f"{_STILL_OPEN} Sending it again did not work: {reason}"

        def write() -> None:
            with self._database.transaction() as connection:
                delivery_table.record_not_sent(
                    connection,
                    submission.attempted,
                    DeliveryStatus.UNKNOWN if unknown else if_not_sent,
                    error_code=OutcomeUnknown.code if unknown else ERRORS[failure.kind].code,
                    error_text=error_text,
                    thread_id=submission.thread_id,
                )
                if not isinstance(failure, RenewalFailed):  # that one is recorded already
                    record_refusal(
                        connection,
                        failure,
                        sender_id=sender.id,
                        generation=sender.generation,
                        reason=reason,
                        who="job",
                        refused_by=RefusedBy.GMAIL,
                    )

        return _record(submission, reason, write)

    def error(
        self, submission: Submission, exc: PalEMailError, if_not_sent: DeliveryStatus
    ) -> None:
        """Record what failed before Google was asked: the database, the client, a deletion.

        The error is given the sender, and the delivery's id if that could be done.
        """

        def write() -> None:
            with self._database.statement() as connection:
                delivery_table.record_not_sent(
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


def about(submission: Submission) -> dict[str, object]:
    """Return what every log line says of a message."""
    return {
        "sender": submission.sender.alias,
        "delivery_id": str(submission.attempted.id),
        "attempts": submission.attempted.attempts,
    }


def _record(submission: Submission, outcome: str, write: Callable[[], None]) -> bool:
    """Write a record, and return whether that could be done."""
    try:
        patiently(_RECORD_FAILURES, DATABASE_PATIENCE)(write)
    except (KeyboardInterrupt, SystemExit):
        why = "it was stopped"
        log.critical("%s This could not be recorded: %s", outcome, why, extra=about(submission))
        raise
    except _RECORD_FAILURES as exc:
        # Not the traceback: it would show the statement's values, and so the message.
        why = str(exc.__cause__ or exc).partition("\n")[0]
        log.critical("%s This could not be recorded: %s", outcome, why, extra=about(submission))
        return False
    return True

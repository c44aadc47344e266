"""Recording what came of a message, so that no outcome is lost with the database."""

import logging
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import psycopg

from mailcore import forks
from mailcore.clock import Deadline
from mailcore.errors import DatabaseUnavailable, OutcomeUnknown, PalEMailError, TemporaryFailure
from mailcore.google.error_mapping import ERRORS, explain
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.google.gmail import Accepted
from mailcore.grants.renewal import RenewalFailed
from mailcore.senders.transitions import record_refusal
from mailcore.sending import delivery_table, draft_rows
from mailcore.sending.endings import IfNotSent
from mailcore.sending.intent import record_not_begun
from mailcore.sending.outgoing import OutgoingMessage, SendRequest
from mailcore.status import RefusedBy
from mailcore.store.database import DATABASE_PATIENCE, Database, patiently
from mailcore.store.encryption import Vault
from mailcore.values.deliveries import DeliveryStatus

log = logging.getLogger("mailcore")

#: Writes a record before the deadline given.
_Write = Callable[[Deadline], None]

_RECORD_FAILURES = (PalEMailError, psycopg.Error)
_STILL_OPEN = "It is still unknown whether the first attempt arrived."
#: Records kept in memory while the database is away; of more, the oldest are given up.
_MAX_UNWRITTEN = 100
#: Seconds below which writing a missed record is not begun.
_WRITING = 0.1


class OutcomeRecorder:
    """Writes outcomes down. Each record can be written twice.

    One that cannot be written changes no outcome: it is logged as critical, and written once
    this process reaches the database again.

    Args:
        database: where outcomes are recorded.
        vault: seals the messages of those that are open.
        admin_url: the admin page's address, for what is said of a failure.
    """

    def __init__(self, database: Database, vault: Vault, admin_url: str) -> None:
        self._database = database
        self._vault = vault
        self._admin_url = admin_url
        self.forget_parent()
        forks.watch(self)

    def forget_parent(self) -> None:
        """Start with no records left to write: the parent writes its own."""
        self._unwritten: dict[UUID, _Write] = {}

    def record_not_begun(self, request: SendRequest, exc: BaseException) -> None:
        """Record that nothing was handed over, where the intent is or may be recorded.

        Args:
            request: what was to be sent.
            exc: why it is not. If the database is away, this is left for later.
        """
        code = exc.code if isinstance(exc, PalEMailError) else TemporaryFailure.code
        why = exc.message if isinstance(exc, PalEMailError) else f"It was stopped by {exc!r}."

        def write(deadline: Deadline) -> None:
            with self._database.connection(deadline) as connection:
                record_not_begun(connection, request, error_code=code, error_text=why)

        if isinstance(exc, DatabaseUnavailable):
            self._keep(request, request.delivery_id, write)
        else:
            self._record(request, request.delivery_id, why, write)

    def record_sent(self, outgoing: OutgoingMessage, accepted: Accepted) -> None:
        """Record a sent mail. It is sent even if that fails: say so loudly, never send again."""

        def write(deadline: Deadline) -> None:
            with self._database.connection(deadline) as connection:
                delivery_table.record_sent(connection, outgoing, accepted)
                if outgoing.draft is not None:
                    draft_rows.forget(connection, outgoing.draft)

        outcome = "The mail was SENT. Do not send it again."
        self._record(outgoing.request, outgoing.delivery_id, outcome, write)

    def record_failure(
        self, outgoing: OutgoingMessage, failure: GoogleFailure, if_not_sent: IfNotSent
    ) -> None:
        """Record what Google answered, or that it did not, with the delivery and its sender.

        Args:
            outgoing: what was to be sent.
            failure: what happened.
            if_not_sent: says what becomes of it.
        """
        sender, learned_at = outgoing.sender, outgoing.learned_at
        reason = explain(failure, alias=sender.alias, drafted=outgoing.draft is not None)
        ending = if_not_sent(outgoing, failure)
        unknown = ending.status is DeliveryStatus.UNKNOWN
        error_text = reason
        if unknown and failure.kind is not FailureKind.UNKNOWN:
            error_text = f"{_STILL_OPEN} Sending it again failed: {reason}"
        known = Deadline(DATABASE_PATIENCE)

        def write(deadline: Deadline) -> None:
            with self._database.connection(deadline) as connection, connection.transaction():
                # A failed renewal is recorded already; and a refusal that could be written
                # only much later says nothing of the sender as it is by then.
                if not isinstance(failure, RenewalFailed) and not known.is_over:
                    record_refusal(
                        connection,
                        failure,
                        sender_id=sender.id,
                        generation=sender.generation,
                        asked_at=learned_at,
                        reason=reason,
                        refused_by=RefusedBy.GMAIL,
                    )
                delivery_table.record_not_sent(
                    connection,
                    outgoing,
                    ending,
                    vault=self._vault,
                    error_code=OutcomeUnknown.code if unknown else ERRORS[failure.kind].code,
                    error_text=error_text,
                )

        if self._record(outgoing.request, outgoing.delivery_id, reason, write):
            outgoing.recorded_as = ending.status

    def record_error(
        self, outgoing: OutgoingMessage, exc: PalEMailError, if_not_sent: IfNotSent
    ) -> None:
        """Record what failed before Google was asked: the database, the client, a deletion."""
        ending = if_not_sent(outgoing, exc)

        def write(deadline: Deadline) -> None:
            with self._database.connection(deadline) as connection:
                delivery_table.record_not_sent(
                    connection,
                    outgoing,
                    ending,
                    vault=self._vault,
                    error_code=exc.code,
                    error_text=exc.message,
                )

        if self._record(outgoing.request, outgoing.delivery_id, exc.message, write):
            outgoing.recorded_as = ending.status

    def record_missed(self, seconds: float) -> None:
        """Write the records for which the database was away, as far as the time reaches."""
        deadline = Deadline(min(seconds, DATABASE_PATIENCE))
        for delivery_id, write in list(self._unwritten.items()):
            if deadline.seconds_left < _WRITING:
                return
            try:
                write(deadline)
            except DatabaseUnavailable:
                return  # it was logged when it happened, and the next call tries again
            except _RECORD_FAILURES:
                log.exception("delivery %s cannot be recorded", delivery_id)
            self._unwritten.pop(delivery_id, None)

    def _record(self, request: SendRequest, delivery_id: UUID, outcome: str, write: _Write) -> bool:
        """Write a record, and return whether that could be done."""
        deadline = Deadline(DATABASE_PATIENCE)
        try:
            patiently(_RECORD_FAILURES, deadline)(write, deadline)
        except (KeyboardInterrupt, SystemExit):
            _log_unrecorded(request, delivery_id, outcome, "it was stopped")
            self._keep(request, delivery_id, write)
            raise
        except _RECORD_FAILURES as exc:
            # Not the traceback: it would show the statement's values, and so the message.
            why = str(exc.__cause__ or exc).partition("\n")[0]
            _log_unrecorded(request, delivery_id, outcome, why)
            self._keep(request, delivery_id, write)
            return False
        return True

    def _keep(self, request: SendRequest, delivery_id: UUID, write: _Write) -> None:
        """Keep a record for later, without the message: many large ones would fill the memory."""
        request.message = replace(request.message, raw=b"")
        self._unwritten[delivery_id] = write
        for oldest in list(self._unwritten)[:-_MAX_UNWRITTEN]:
            self._unwritten.pop(oldest, None)


def log_outcome(outgoing: OutgoingMessage, outcome: str, seconds: float) -> None:
    """Write what became of a message into the job's log."""
    details = {
        "sender": outgoing.alias,
        "delivery_id": str(outgoing.delivery_id),
        "attempts": outgoing.attempts,
        "outcome": outcome,
        "duration_ms": round(seconds * 1000, 1),
    }
    log.log(
        logging.INFO if outcome == "sent" else logging.WARNING,
        "delivery %s of sender %s: %s",
        details["delivery_id"],
        details["sender"],
        outcome,
        extra=details,
    )


def _log_unrecorded(request: SendRequest, delivery_id: UUID, outcome: str, why: str) -> None:
    log.critical(
        "%s This could not be recorded: %s",
        outcome,
        why,
        extra={"sender": request.alias, "delivery_id": str(delivery_id)},
    )

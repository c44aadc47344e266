"""Sending a message: the outline, from the arguments to the recorded outcome."""

from typing import Any, Unpack

from mailcore.clock import Deadline, elapsed, now
from mailcore.errors import (
    DatabaseUnavailable,
    PalEMailError,
    SenderNotFound,
)
from mailcore.google.error_mapping import ERRORS, to_error
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.google.gmail import Accepted
from mailcore.grants.sender_loading import LoadedSender
from mailcore.grants.tokens import Tokens
from mailcore.message.arguments import ContentArguments
from mailcore.message.compose import ComposedMessage, compose
from mailcore.message.whole_message import WholeMessage
from mailcore.sending.attempts import Attempts
from mailcore.sending.endings import FAILS, IfNotSent
from mailcore.sending.error_context import about_delivery, errors_name
from mailcore.sending.idempotency import earlier_outcome
from mailcore.sending.intent import load_with_intent
from mailcore.sending.options import check_options
from mailcore.sending.outcome_recorder import OutcomeRecorder, log_outcome
from mailcore.sending.outgoing import OutgoingMessage, SendRequest
from mailcore.settings import Settings
from mailcore.store.database import DATABASE_PATIENCE, Database, patiently
from mailcore.store.encryption import Vault
from mailcore.values.deliveries import DeliveryStatus, IfUnknown, Queued, Sent


class Mailer:
    """Sends messages and records what came of them.

    Args:
        settings: the admin page's address, for errors.
        database: where outcomes are recorded.
        vault: seals messages that may have to be sent again.
        tokens: loads grants.
        attempts: gets messages to Gmail.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        vault: Vault,
        tokens: Tokens,
        attempts: Attempts,
    ) -> None:
        self._admin_url = settings.public_url
        self._database = database
        self._vault = vault
        self._tokens = tokens
        self._attempts = attempts
        self._recorder = OutcomeRecorder(database, vault, self._admin_url)

    def send_email(
        self,
        alias: str,
        *,
        dry_run: bool = False,
        thread_id: str | None = None,
        idempotency_key: str | None = None,
        if_unknown: str = IfUnknown.ASK,
        timeout: float = 30.0,
        or_queue: IfNotSent | None = None,
        **content: Unpack[ContentArguments],
    ) -> Sent | Queued | ComposedMessage:
        """See `mailcore.Mailcore.send_email`."""
        with errors_name(alias):
            check_options(thread_id, idempotency_key, timeout, if_unknown)
            request = SendRequest(
                alias=alias,
                message=compose(**content),
                from_name=content.get("from_name"),
                thread_id=thread_id,
                idempotency_key=idempotency_key,
                deadline=Deadline(timeout),
                if_unknown=IfUnknown(if_unknown),
            )
            if dry_run:
                request.complete(self._load(request))
                return request.message
            return self._send(request, or_queue)

    def send_whole(
        self,
        alias: str,
        whole: WholeMessage,
        *,
        idempotency_key: str | None = None,
        timeout: float = 30.0,
        or_queue: IfNotSent | None = None,
    ) -> Sent | Queued:
        """See `mailcore.Mailcore.send_message`."""
        with errors_name(alias):
            check_options(None, idempotency_key, timeout)
            request = SendRequest(
                alias=alias,
                message=whole.message,
                from_name=whole.from_name,
                thread_id=None,
                idempotency_key=idempotency_key,
                deadline=Deadline(timeout),
            )
            return self._send(request, or_queue)

    def _send(self, request: SendRequest, or_queue: IfNotSent | None) -> Sent | Queued:
        self._recorder.record_missed(request.deadline.seconds_left / 4)
        begun = self._begin(request, or_queue=or_queue is not None)
        if not isinstance(begun, OutgoingMessage):
            return begun
        if or_queue is None:
            return self.deliver(begun)
        return self._deliver_or_queue(begun, or_queue)

    def close(self) -> None:
        """Write the records for which the database was away: this process may end now."""
        self._recorder.record_missed(DATABASE_PATIENCE)

    def deliver(self, outgoing: OutgoingMessage, *, if_not_sent: IfNotSent = FAILS) -> Sent:
        """Attempt, record, log.

        Args:
            outgoing: what to send, until when.
            if_not_sent: says what becomes of it where it did not go out, or may not have.

        Raises:
            MailError: it did not go out, or may not have; the kind says which.
            ConfigurationError: the deployment is at fault.
        """
        started = elapsed()
        outcome = "interrupted"
        try:
            accepted = self._attempts.run(outgoing)
            outcome = "sent"
        except GoogleFailure as failure:
            outcome = ERRORS[failure.kind].code
            self._recorder.record_failure(outgoing, failure, if_not_sent)
            raise self._to_error(outgoing, failure) from failure
        except PalEMailError as exc:
            outcome = exc.code
            self._recorder.record_error(outgoing, exc, if_not_sent)
            raise about_delivery(exc, outgoing) from exc
        except BaseException as exc:  # Ctrl-C, or a signal that ends the process
            self._recorder.record_failure(outgoing, _interruption(outgoing, exc), if_not_sent)
            raise
        finally:
            log_outcome(outgoing, outcome, elapsed() - started)
        self._recorder.record_sent(outgoing, accepted)
        return _to_sent(outgoing, accepted)

    def _deliver_or_queue(self, outgoing: OutgoingMessage, if_not_sent: IfNotSent) -> Sent | Queued:
        try:
            return self.deliver(outgoing, if_not_sent=if_not_sent)
        except PalEMailError:
            if outgoing.recorded_as is not DeliveryStatus.QUEUED:
                raise
            return Queued(
                delivery_id=str(outgoing.delivery_id),
                message_id=outgoing.message.message_id,
                alias=outgoing.alias,
                status=DeliveryStatus.QUEUED,
                send_at=now(),
            )

    def refuse(self, outgoing: OutgoingMessage, exc: PalEMailError, if_not_sent: IfNotSent) -> None:
        """Record a message that was not attempted.

        Args:
            outgoing: the message.
            exc: why.
            if_not_sent: says what becomes of it.
        """
        self._recorder.record_error(outgoing, exc, if_not_sent)

    def record_missed(self, seconds: float) -> None:
        """Write the records for which the database was away, as far as the time reaches."""
        self._recorder.record_missed(seconds)

    def _begin(self, request: SendRequest, *, or_queue: bool) -> OutgoingMessage | Sent | Queued:
        """Load the sender and record the intent, or return what the key came to before."""
        while True:
            row = self._load_with_intent(request)
            if row.delivery_id is not None:
                return self._outgoing(request, row)
            earlier = earlier_outcome(
                self._database, request, or_queue=or_queue, admin_url=self._admin_url
            )
            if earlier is not None:
                return earlier

    def _load_with_intent(self, request: SendRequest) -> Any:
        deadline = request.deadline

        def load(least_generation: int) -> Any:
            with self._database.connection(deadline) as connection:
                return load_with_intent(
                    connection, request, self._vault, least_generation=least_generation
                )

        try:
            row = patiently(DatabaseUnavailable, deadline)(load, 1)
            if row is None:
                # Never authorised, or unknown: its grant may be in a file; if not, this says so.
                self._load(request)
                row = patiently(DatabaseUnavailable, deadline)(load, 0)
        except (DatabaseUnavailable, KeyboardInterrupt, SystemExit) as exc:
            self._recorder.record_not_begun(request, exc)  # the intent may be there all the same
            raise
        if row is None:
            raise SenderNotFound(
                f"Sender {request.alias!r} was deleted just now.", alias=request.alias
            )
        return row

    def _load(self, request: SendRequest) -> LoadedSender:
        return patiently(DatabaseUnavailable, request.deadline)(
            self._tokens.load, request.alias, request.deadline
        )

    def _outgoing(self, request: SendRequest, row: Any) -> OutgoingMessage:
        try:
            sender = self._tokens.senders.from_row(row)
            request.complete(sender)
        except BaseException as exc:  # whatever it is, nothing was handed over
            self._recorder.record_not_begun(request, exc)
            raise
        return OutgoingMessage(
            request=request,
            sender=sender,
            delivery_id=row.delivery_id,
            leased_until=row.leased_until,
            attempts=row.attempts,
        )

    def _to_error(self, outgoing: OutgoingMessage, failure: GoogleFailure) -> PalEMailError:
        return to_error(
            failure,
            alias=outgoing.alias,
            admin_url=self._admin_url,
            delivery_id=None if outgoing.recorded_as is None else str(outgoing.delivery_id),
            drafted=outgoing.draft is not None,
        )


def _to_sent(outgoing: OutgoingMessage, accepted: Accepted) -> Sent:
    return Sent(
        delivery_id=str(outgoing.delivery_id),
        gmail_id=accepted.gmail_id,
        thread_id=accepted.thread_id,
        message_id=outgoing.message.message_id,
        alias=outgoing.alias,
    )


def _interruption(outgoing: OutgoingMessage, exc: BaseException) -> GoogleFailure:
    may_have_arrived = outgoing.in_flight or outgoing.may_have_arrived
    kind = FailureKind.UNKNOWN if may_have_arrived else FailureKind.TEMPORARY
    return GoogleFailure(kind, "interrupted", f"it was stopped by {type(exc).__name__}")

"""Sending a message: the outline, from the arguments to the recorded outcome."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Unpack
from uuid import UUID, uuid4

from sqlalchemy import Row

from mailcore.clock import Deadline, elapsed
from mailcore.errors import (
    DatabaseUnavailable,
    MailError,
    PalEMailError,
    SenderNotFound,
)
from mailcore.google.error_mapping import ERRORS, to_error
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.google.gmail import Accepted
from mailcore.grants.tokens import LoadedSender, Tokens
from mailcore.message.arguments import ContentArguments
from mailcore.message.compose import ComposedMessage, add_from, compose
from mailcore.sending import delivery_table
from mailcore.sending.attempts import Attempts
from mailcore.sending.idempotency import earlier_outcome
from mailcore.sending.options import check_options
from mailcore.sending.outcome_recorder import OutcomeRecorder, log_outcome
from mailcore.sending.outgoing import OutgoingMessage, last_moment_to_post
from mailcore.settings import Settings
from mailcore.store.database import Database, patiently
from mailcore.values.deliveries import DeliveryStatus, Sent

log = logging.getLogger("mailcore")


class Mailer:
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
        self._recorder = OutcomeRecorder(database, self._admin_url)

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
        with _errors_name(alias):
            check_options(thread_id, idempotency_key, timeout)
            deadline = Deadline(timeout)
            post_by = last_moment_to_post(deadline)
            message = compose(from_address=None, **content)
            if dry_run:
                return _complete(message, self._load_sender(alias, deadline), content)
            self._recorder.record_missed(deadline.seconds_left / 4)
            outgoing = self._begin(alias, message, thread_id, idempotency_key, deadline, post_by)
            outgoing.message = _complete(message, outgoing.sender, content)
            del message  # a large one is held once
            if idempotency_key is not None:
                earlier = self._claim_key_or_find_earlier(outgoing, idempotency_key)
                if earlier is not None:
                    return earlier
            return self.deliver(outgoing)

    def deliver(
        self, outgoing: OutgoingMessage, *, if_not_sent: DeliveryStatus = DeliveryStatus.FAILED
    ) -> Sent:
        """Attempt, record, log.

        Args:
            outgoing: what to send, until when.
            if_not_sent: the status recorded where it certainly did not go out.

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
            recorded = self._recorder.record_failure(outgoing, failure, if_not_sent)
            raise self._to_error(outgoing, failure, recorded=recorded) from failure
        except PalEMailError as exc:
            outcome = exc.code
            recorded = self._recorder.record_error(outgoing, exc, if_not_sent)
            raise _about_delivery(exc, outgoing, recorded=recorded) from exc
        except BaseException as exc:  # Ctrl-C, or a signal that ends the process
            self._recorder.record_failure(outgoing, _interruption(outgoing, exc), if_not_sent)
            raise
        finally:
            log_outcome(outgoing, outcome, elapsed() - started)
        self._recorder.record_sent(outgoing, accepted)
        return _to_sent(outgoing, accepted)

    def _begin(  # noqa: PLR0917
        self,
        alias: str,
        message: ComposedMessage,
        thread_id: str | None,
        idempotency_key: str | None,
        deadline: Deadline,
        post_by: Deadline,
    ) -> OutgoingMessage:
        """Load the sender. What has no key to claim has its intent recorded along with that."""
        delivery_id, leased_until = uuid4(), None
        if idempotency_key is None:
            row = self._load_with_intent(alias, delivery_id, message, thread_id, deadline)
            sender, leased_until = self._tokens.from_row(row), row.leased_until
        else:
            sender = self._load_sender(alias, deadline)
        return OutgoingMessage(
            delivery_id=delivery_id,
            sender=sender,
            message=message,
            thread_id=thread_id,
            idempotency_key=idempotency_key,
            deadline=deadline,
            post_by=post_by,
            leased_until=leased_until,
        )

    def _load_sender(self, alias: str, deadline: Deadline) -> LoadedSender:
        return patiently(DatabaseUnavailable, deadline)(lambda: self._tokens.load(alias, deadline))

    def _load_with_intent(
        self,
        alias: str,
        delivery_id: UUID,
        message: ComposedMessage,
        thread_id: str | None,
        deadline: Deadline,
    ) -> Row[Any]:
        def load(least_generation: int) -> Row[Any] | None:
            with self._database.statement(deadline) as connection:
                return delivery_table.load_with_intent(
                    connection,
                    alias,
                    delivery_id,
                    message,
                    thread_id=thread_id,
                    timeout=deadline.seconds_left,
                    least_generation=least_generation,
                )

        row = patiently(DatabaseUnavailable, deadline)(load, 1)
        if row is None:
            # Never authorised, or unknown: its grant may be in a file, and if not, this says so.
            self._load_sender(alias, deadline)
            row = patiently(DatabaseUnavailable, deadline)(load, 0)
        if row is None:
            raise SenderNotFound(f"Sender {alias!r} was deleted just now.", alias=alias)
        return row

    def _claim_key_or_find_earlier(self, outgoing: OutgoingMessage, key: str) -> Sent | None:
        """Record the intent to send under the key, or return what an earlier call came to."""

        def claim() -> bool:
            with self._database.statement(outgoing.deadline) as connection:
                return delivery_table.claim(connection, outgoing)

        while not patiently(DatabaseUnavailable, outgoing.deadline)(claim):
            earlier = earlier_outcome(self._database, outgoing, key, admin_url=self._admin_url)
            if earlier is not None:
                return earlier
        return None

    def _to_error(
        self, outgoing: OutgoingMessage, failure: GoogleFailure, *, recorded: bool
    ) -> PalEMailError:
        return to_error(
            failure,
            alias=outgoing.alias,
            admin_url=self._admin_url,
            delivery_id=str(outgoing.delivery_id) if recorded else None,
        )


def _complete(
    message: ComposedMessage, sender: LoadedSender, content: ContentArguments
) -> ComposedMessage:
    """Add what only the loaded sender tells: whom the message is from."""
    name = content.get("from_name")
    if sender.gmail_account is None:
        if name is not None:
            log.warning(
                "sender %s: from_name is left to Gmail, as the account is known after its "
                "first re-auth only",
                sender.alias,
            )
        return message
    name = sender.display_name if name is None else name
    return add_from(message, address=sender.gmail_account, name=name)


def _to_sent(outgoing: OutgoingMessage, accepted: Accepted) -> Sent:
    return Sent(
        delivery_id=str(outgoing.delivery_id),
        gmail_id=accepted.gmail_id,
        thread_id=accepted.thread_id,
        message_id=outgoing.message.message_id,
        alias=outgoing.alias,
    )


def _interruption(outgoing: OutgoingMessage, exc: BaseException) -> GoogleFailure:
    kind = FailureKind.UNKNOWN if outgoing.in_flight else FailureKind.TEMPORARY
    return GoogleFailure(kind, "interrupted", f"it was stopped by {type(exc).__name__}")


@contextmanager
def _errors_name(alias: str) -> Iterator[None]:
    """Name the sender in every error: not all parts below know it."""
    try:
        yield
    except PalEMailError as exc:
        if exc.alias is not None:
            raise
        raise replace(exc, alias=alias) from exc


def _about_delivery(
    exc: PalEMailError, outgoing: OutgoingMessage, *, recorded: bool
) -> PalEMailError:
    """Return an error that names the sender, and the delivery where that is recorded."""
    if isinstance(exc, MailError) and recorded:
        return replace(exc, alias=outgoing.alias, delivery_id=str(outgoing.delivery_id))
    return replace(exc, alias=outgoing.alias)

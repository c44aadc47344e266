"""A message on its way, from what a caller asks for to the recorded outcome."""

import logging
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from mailcore.clock import Deadline, now
from mailcore.grants.sender_loading import LoadedSender
from mailcore.message.compose import ComposedMessage, add_from
from mailcore.sending.draft_rows import Draft
from mailcore.sending.from_address import check_from, has_from
from mailcore.values.deliveries import DeliveryStatus, IfUnknown

log = logging.getLogger("mailcore")

#: Seconds that Gmail must have to answer; half the timeout if that is shorter.
ANSWER_TIME = 5.0


@dataclass(slots=True, kw_only=True)
class SendRequest:
    """What a caller asks to have sent.

    Attributes:
        alias: the sender.
        message: what goes out; without From until the sender is loaded.
        from_name: what to show beside the sender's address; None for the sender's own name.
        thread_id: Gmail's id of the thread to put it in, or None.
        idempotency_key: the caller's, or None.
        deadline: when all of it must be over.
        if_unknown: what is done where nobody can tell whether Gmail has it.
        post_by: when it is too late to post it: Gmail must have time to answer, or a message
            would end as unknown that could be called unsent.
        delivery_id: its row in the delivery table, unless its key has one already.
        asked_for_at: the moment with which its claim marks the row: once that shows another
            one, somebody else has had it sent.
    """

    alias: str
    message: ComposedMessage
    from_name: str | None
    thread_id: str | None
    idempotency_key: str | None
    deadline: Deadline
    if_unknown: IfUnknown = IfUnknown.ASK
    post_by: Deadline = field(init=False)
    delivery_id: UUID = field(default_factory=uuid4)
    asked_for_at: datetime = field(default_factory=now)

    def __post_init__(self) -> None:
        self.post_by = self.deadline.before(min(ANSWER_TIME, self.deadline.seconds_left / 2))

    def complete(self, sender: LoadedSender) -> None:
        """Add what only the loaded sender tells: whom the message is from.

        Raises:
            InvalidMessage: it is from somebody as whom the sender may not send.
        """
        if has_from(self.message):
            check_from(
                self.message, alias=self.alias, account=sender.gmail_account, send_as=sender.send_as
            )
            return
        if sender.gmail_account is not None:
            name = sender.display_name if self.from_name is None else self.from_name
            self.message = add_from(self.message, address=sender.gmail_account, name=name)
        elif self.from_name is not None:
            log.warning(
                "sender %s: from_name is ignored, because the account's address is not known "
                "before its first re-auth",
                sender.alias,
            )


@dataclass(slots=True, kw_only=True)
class OutgoingMessage:
    """One message on its way, and how far it has come.

    Attributes:
        request: what was asked for.
        sender: with the grant that the latest attempt used.
        delivery_id: its row in the delivery table.
        leased_until: until when its row is this call's, by Postgres' clock. It fences off a
            call whose row another one has taken over.
        attempts: how many times Gmail was asked.
        asked_at: when Gmail was asked last, by Postgres' clock.
        in_flight: Gmail may have it, and has not answered.
        may_have_arrived: that was so of an earlier attempt.
        stored: its row holds the message, and keeps it whatever comes of this.
        tries_once: it is attempted once, and whoever sends it sees to the next time.
        draft: the draft as which it is sent, if it is.
        recorded_as: what its row says that it came to, where it did not go out, or may not
            have; None until that is recorded.
    """

    request: SendRequest
    sender: LoadedSender
    delivery_id: UUID
    leased_until: datetime | None
    attempts: int = 0
    asked_at: datetime | None = None
    in_flight: bool = False
    may_have_arrived: bool = False
    stored: bool = False
    tries_once: bool = False
    draft: Draft | None = None
    recorded_as: DeliveryStatus | None = None

    @property
    def alias(self) -> str:
        """The sender's alias."""
        return self.request.alias

    @property
    def message(self) -> ComposedMessage:
        """What goes out."""
        return self.request.message

    @property
    def learned_at(self) -> datetime:
        """When what came of it was asked, by Postgres' clock: now, where Gmail was not."""
        return self.asked_at or self.sender.postgres_clock.now()

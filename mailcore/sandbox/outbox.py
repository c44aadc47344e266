"""The messages that were sent."""

import secrets
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from functools import cached_property

from mailcore.sandbox.responses import not_found


@dataclass(frozen=True)
class SandboxMessage:
    """A message that the sandbox accepted, as Gmail would have sent it.

    Attributes:
        account: the address of the mailbox that it was sent through.
        gmail_id: Gmail's identifier.
        thread_id: the identifier of its conversation.
        raw: the very bytes that were posted.
        received_at: when it was accepted, aware UTC.
    """

    account: str
    gmail_id: str
    thread_id: str
    raw: bytes = field(repr=False)
    received_at: datetime

    @cached_property
    def email(self) -> EmailMessage:
        """The mail, parsed."""
        return BytesParser(policy=policy.SMTP).parsebytes(self.raw)

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return str(self.email.get("Subject", ""))

    @property
    def recipients(self) -> list[str]:
        """The bare addresses of To, Cc and Bcc, in that order."""
        headers = [self.email[name] for name in ("To", "Cc", "Bcc") if name in self.email]
        return [address.addr_spec for header in headers for address in header.addresses]


class Outbox:
    """Every message that was accepted; safe to use from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._messages: list[SandboxMessage] = []
        self._threads: set[tuple[str, str]] = set()

    def deliver(self, account: str, raw: bytes, thread_id: str | None) -> SandboxMessage:
        """Take a message.

        Args:
            account: the address of the mailbox that it is sent through.
            raw: the message.
            thread_id: the conversation that it joins, or None to begin one.

        Raises:
            Refusal: the mailbox has no such thread.
        """
        self.check_thread(account, thread_id)
        with self._changed:
            gmail_id = secrets.token_hex(8)
            message = SandboxMessage(
                account=account,
                gmail_id=gmail_id,
                thread_id=thread_id or gmail_id,
                raw=raw,
                received_at=datetime.now(UTC),
            )
            self._messages.append(message)
            self._threads.add((account, message.thread_id))
            self._changed.notify_all()
        return message

    def check_thread(self, account: str, thread_id: str | None) -> None:
        """Refuse a conversation that a mailbox does not have.

        Raises:
            Refusal: 404.
        """
        with self._changed:
            if thread_id is not None and (account, thread_id) not in self._threads:
                raise not_found()

    def messages(self) -> list[SandboxMessage]:
        """Return what was sent, oldest first."""
        with self._changed:
            return list(self._messages)

    def find(self, gmail_id: str) -> SandboxMessage | None:
        """Return one message."""
        return next((each for each in self.messages() if each.gmail_id == gmail_id), None)

    def wait_for(self, count: int, timeout: float) -> list[SandboxMessage]:
        """Return what was sent, once there are at least `count` messages.

        Raises:
            TimeoutError: there are still fewer after `timeout` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._messages) >= count, timeout):
                raise TimeoutError(f"{len(self._messages)} of {count} messages arrived")
            return list(self._messages)

"""The drafts of all mailboxes."""

import secrets
import threading
from dataclasses import dataclass, field

from mailcore.sandbox.message_parsing import Posted
from mailcore.sandbox.outbox import Outbox, SandboxMessage
from mailcore.sandbox.responses import not_found


@dataclass(frozen=True)
class SandboxDraft:
    """A message that was not sent yet.

    Attributes:
        draft_id: Gmail's identifier of the draft, which never changes.
        account: the address of the mailbox that it is in.
        gmail_id: the identifier of its message, which changes once it is sent.
        thread_id: the conversation that it joins, or None.
        raw: the very bytes that were posted.
    """

    draft_id: str
    account: str
    gmail_id: str
    thread_id: str | None
    raw: bytes = field(repr=False)


class Drafts:
    """Every draft that is there; safe to use from any thread.

    Args:
        outbox: where a draft goes that is sent.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._lock = threading.Lock()
        self._drafts: dict[str, SandboxDraft] = {}

    def create(self, account: str, posted: Posted) -> SandboxDraft:
        """Keep a message as a draft.

        Raises:
            Refusal: the mailbox has no such thread.
        """
        self._outbox.check_thread(account, posted.thread_id)
        draft = SandboxDraft(
            draft_id=f"r-{secrets.randbelow(10**19)}",
            account=account,
            gmail_id=secrets.token_hex(8),
            thread_id=posted.thread_id,
            raw=posted.raw,
        )
        with self._lock:
            self._drafts[draft.draft_id] = draft
        return draft

    def get(self, account: str, draft_id: str) -> SandboxDraft:
        """Return a draft.

        Raises:
            Refusal: the mailbox has none with that identifier.
        """
        with self._lock:
            return self._find(account, draft_id)

    def send(self, account: str, draft_id: str) -> SandboxMessage:
        """Send a draft, which is gone then.

        Raises:
            Refusal: the mailbox has none with that identifier.
        """
        with self._lock:
            draft = self._find(account, draft_id)
            message = self._outbox.deliver(account, draft.raw, draft.thread_id)
            del self._drafts[draft_id]
        return message

    def delete(self, account: str, draft_id: str) -> None:
        """Delete a draft for good.

        Raises:
            Refusal: the mailbox has none with that identifier.
        """
        with self._lock:
            self._find(account, draft_id)
            del self._drafts[draft_id]

    def delete_all(self, account: str) -> None:
        """Delete a mailbox's drafts, as its owner can."""
        with self._lock:
            for draft in [each for each in self._drafts.values() if each.account == account]:
                del self._drafts[draft.draft_id]

    def every(self, account: str | None = None) -> list[SandboxDraft]:
        """Return the drafts of a mailbox, or of all, oldest first."""
        with self._lock:
            return [each for each in self._drafts.values() if account in (None, each.account)]

    def _find(self, account: str, draft_id: str) -> SandboxDraft:
        draft = self._drafts.get(draft_id)
        if draft is None or draft.account != account:
            raise not_found()
        return draft

"""The kinds of request, and how many of each came."""

import threading
from collections import Counter
from typing import Literal, get_args

#: What can be held or made to fail. ``token`` is the token endpoint: code exchanges and
#: refreshes alike; ``send`` is a message and a draft that are sent, alike.
Operation = Literal["send", "create_draft", "get_draft", "delete_draft", "token", "revoke"]

#: What is counted.
Kind = Literal["send", "create_draft", "get_draft", "delete_draft", "exchange", "refresh", "revoke"]

OPERATIONS: tuple[Operation, ...] = get_args(Operation)

OPERATION_OF: dict[Kind, Operation] = {
    "send": "send",
    "create_draft": "create_draft",
    "get_draft": "get_draft",
    "delete_draft": "delete_draft",
    "exchange": "token",
    "refresh": "token",
    "revoke": "revoke",
}


class RequestCounts:
    """How many requests came, by kind and account; counted on arrival, answered or not.

    Each method takes an account's address, or None for all of them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[Kind, str | None]] = Counter()

    def add(self, kind: Kind, account: str | None) -> None:
        """Count one request; the account is None where its token or code is unknown."""
        with self._lock:
            self._counts[kind, account] += 1

    def count(self, kind: Kind, account: str | None = None) -> int:
        """Return how many requests of a kind came."""
        with self._lock:
            return sum(
                number
                for (each, email), number in self._counts.items()
                if each == kind and account in (None, email)
            )

    def sends(self, account: str | None = None) -> int:
        """Return how many messages and drafts were sent, those not answered included."""
        return self.count("send", account)

    def refreshes(self, account: str | None = None) -> int:
        """Return how many times a refresh token was presented."""
        return self.count("refresh", account)

    def exchanges(self, account: str | None = None) -> int:
        """Return how many times an authorization code was presented."""
        return self.count("exchange", account)

    def revocations(self, account: str | None = None) -> int:
        """Return how many times a token was handed back."""
        return self.count("revoke", account)

    def reset(self) -> None:
        """Set all counts to zero."""
        with self._lock:
            self._counts.clear()

"""Draining a sender's queue: one message after the other, in their order."""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from secrets import token_hex
from typing import Any

from mailcore.clock import Deadline, elapsed
from mailcore.errors import DatabaseUnavailable, InvalidMessage, PalEMailError
from mailcore.grants.tokens import Tokens
from mailcore.outbox.claims import Claimed, claim, claim_for_other, give_back, opened
from mailcore.outbox.lost_claims import LostClaims
from mailcore.outbox.retrying import into_the_queue
from mailcore.senders.holding import limits
from mailcore.sending.intent import lease
from mailcore.sending.send_email import Mailer
from mailcore.settings import Settings
from mailcore.store.database import Database
from mailcore.store.encryption import Vault

log = logging.getLogger("mailcore")

#: Seconds that sending one queued message may take.
SEND_TIMEOUT = 30.0
#: Seconds that a claim may take.
_CLAIM_TIMEOUT = 5.0
#: Seconds after which a sender gives its place to the next one that has mail.
_TURN = 5.0
#: For how long a sender's queue waits whose grant or message cannot be opened: a key is missing.
_CANNOT_OPEN = timedelta(minutes=1)


class Drain:
    """Sends what is due.

    Args:
        settings: the deployment's limits.
        database: where mail waits.
        vault: opens it.
        tokens: opens grants.
        mailer: sends, and records what came of it.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        vault: Vault,
        tokens: Tokens,
        mailer: Mailer,
    ) -> None:
        self._limits = {
            **limits(settings),
            "messages_per_second": settings.messages_per_second,
        }
        self._give_up_after = timedelta(days=settings.give_up_after)
        self._database = database
        self._vault = vault
        self._tokens = tokens
        self._mailer = mailer
        self._lost = LostClaims(database, lease(SEND_TIMEOUT).total_seconds())

    def run(self, alias: str, *, worker: str, stopping: Callable[[], bool]) -> None:
        """Send a sender's mail until nothing is due, it cannot send, or its turn is over.

        Args:
            alias: the sender.
            worker: who drains it.
            stopping: True ends it after the message that is being sent.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        turn_ends = elapsed() + _TURN
        while not stopping() and elapsed() < turn_ends:
            claimed = self._claim(alias, worker)
            if claimed is None:
                return
            self._send(claimed)

    def settle(self) -> None:
        """Put back what was claimed in vain, because the claim's answer was lost."""
        self._lost.give_back()

    def _claim(self, alias: str, worker: str) -> Claimed | None:
        name = f"{worker} {token_hex(8)}"
        sending = Deadline(SEND_TIMEOUT)
        try:
            with self._database.statement(Deadline(_CLAIM_TIMEOUT)) as connection:
                how: Any = {"timeout": SEND_TIMEOUT, "limits": self._limits}
                row = claim(connection, alias, name, **how)
                row = row or claim_for_other(connection, alias, name, **how)
        except DatabaseUnavailable:
            self._lost.add(name)
            raise
        if row is None:
            return None
        try:
            return opened(row, alias, sending, self._tokens.senders, self._vault)
        except PalEMailError as exc:
            self._give_back(alias, name, exc)
            return None

    def _give_back(self, alias: str, name: str, exc: PalEMailError) -> None:
        log.warning("the queue of sender %s pauses for a minute: %s", alias, exc.message)
        try:
            with self._database.connection(Deadline(_CLAIM_TIMEOUT)) as connection:
                give_back(connection, name, because=exc, pause=_CANNOT_OPEN)
        except DatabaseUnavailable:
            self._lost.add(name)

    def _send(self, claimed: Claimed) -> None:
        outgoing = claimed.outgoing
        ending = into_the_queue(
            claimed.if_unknown, self._give_up_after, tried_for=claimed.tried_for
        )
        try:
            outgoing.request.complete(outgoing.sender)
        except InvalidMessage as exc:
            self._mailer.refuse(outgoing, exc, ending)
            return
        with suppress(PalEMailError):  # it is recorded, and back in the queue where that helps
            self._mailer.deliver(outgoing, if_not_sent=ending)

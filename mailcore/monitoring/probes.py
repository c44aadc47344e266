"""Probes: asking Google about each grant every few hours, before the next mail has to.

A probe is a renewal like any other: what it learns goes through the one state machine.
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from mailcore.clock import Deadline, now
from mailcore.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    PalEMailError,
    ReauthRequired,
    SenderNotFound,
)
from mailcore.google.error_mapping import explain, to_error
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.grants.sender_loading import LoadedSender
from mailcore.grants.tokens import TOKEN_DEADLINE, Tokens
from mailcore.monitoring import probe_claims
from mailcore.senders.transitions import REFUSALS
from mailcore.settings import Settings
from mailcore.store.database import Database

log = logging.getLogger("mailcore")

#: Probes of one worker at the same time.
_AT_ONCE = 2
#: Seconds that one may take.
_PATIENCE = 15.0
#: Failures in a row after which a round is broken off: it is the network, or Google.
_IN_VAIN = 3
#: How long a sender is left alone whose probe failed for a passing reason, and at most where
#: Google has named a time; and where only an admin can help.
_LATER, _MUCH_LATER, _AT_MOST = timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6)


class Probes:
    """Asks Google whether it still renews grants.

    Args:
        settings: the admin page's address.
        database: where senders are.
        tokens: renews their grants.
    """

    def __init__(self, settings: Settings, database: Database, tokens: Tokens) -> None:
        self._admin_url = settings.public_url
        self._database = database
        self._tokens = tokens

    def run(self, stopping: Callable[[], bool]) -> None:
        """Ask about a few of the grants that are due; for a worker to call every 15 seconds.

        It returns soon where none is. However many workers do it, each grant is asked about at
        least every 6 hours, and once.

        Args:
            stopping: whether nothing new shall be begun.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        senders = self._claim()
        if not senders:
            return
        batch = _Batch(stopping)
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="mailcore-probe") as pool:
            probes = [pool.submit(self._probe, sender, batch) for sender in senders]
        for probe in probes:
            probe.result()

    def check(self, alias: str) -> None:
        """Ask about one sender now; see `mailcore.Mailcore.check`.

        Raises:
            ReauthRequired: it was never authorised.
        """
        sender = self._tokens.load(alias)
        try:
            self._tokens.renew(sender, Deadline(TOKEN_DEADLINE))
        except GoogleFailure as failure:
            if failure.kind not in REFUSALS:
                raise to_error(failure, alias=alias, admin_url=self._admin_url) from failure
        self._note_answer(sender)

    def _claim(self) -> list[LoadedSender]:
        with self._database.connection() as connection:
            rows = probe_claims.claim(connection)
        senders = []
        for row in rows:
            try:
                senders.append(self._tokens.senders.from_row(row))
            except ConfigurationError as exc:
                log.warning("sender %s cannot be probed: %s", row.alias, exc.message)
                self._note_failure(row.id, _MUCH_LATER)
        return senders

    def _probe(self, sender: LoadedSender, batch: "_Batch") -> None:
        if batch.leaves_out(sender):
            return
        try:
            self._tokens.renew(sender, Deadline(_PATIENCE))
        except GoogleFailure as failure:
            self._handle_failure(sender, failure, batch)
        except SenderNotFound:
            pass  # it was deleted meanwhile
        except PalEMailError as exc:
            self._handle_error(sender, exc, batch)
        else:
            batch.in_vain = 0
            self._note_answer(sender)

    def _handle_failure(
        self, sender: LoadedSender, failure: GoogleFailure, batch: "_Batch"
    ) -> None:
        if failure.kind in REFUSALS:
            batch.in_vain = 0
            self._note_answer(sender)
            return
        log.warning("a probe was not answered: %s", explain(failure, alias=sender.alias))
        if failure.kind is FailureKind.CONFIGURATION:
            batch.client_is_refused(sender)
        else:
            batch.in_vain += 1
        self._note_failure(sender.id, _pause(failure))

    def _handle_error(self, sender: LoadedSender, exc: PalEMailError, batch: "_Batch") -> None:
        log.warning("sender %s cannot be probed: %s", sender.alias, exc.message)
        if isinstance(exc, ConfigurationError | ReauthRequired):
            self._note_failure(sender.id, _MUCH_LATER)
        else:
            batch.in_vain += 1
            self._note_failure(sender.id, _LATER)

    def _note_answer(self, sender: LoadedSender) -> None:
        with self._database.connection() as connection:
            probe_claims.answered(connection, sender.id)

    def _note_failure(self, sender_id: int, pause: timedelta) -> None:
        try:
            with self._database.connection() as connection:
                probe_claims.not_answered(connection, sender_id, pause)
        except DatabaseUnavailable as exc:
            # The claim ends by itself.
            log.warning("a probe's failure could not be recorded: %s", exc.message)


def _pause(failure: GoogleFailure) -> timedelta:
    """Return how long a sender is left alone, give or take a half."""
    if failure.retry_at is None:
        return _LATER
    return min(max(2 * (failure.retry_at - now()), _LATER), _AT_MOST)


class _Batch:
    """What the probes of one look learn of each other.

    Args:
        stopping: whether nothing new shall be begun.

    Attributes:
        in_vain: how many failed in a row for a reason that others would meet, too.
    """

    def __init__(self, stopping: Callable[[], bool]) -> None:
        self.in_vain = 0
        self._stopping = stopping
        self._claims_end = Deadline(probe_claims.LEASE - _PATIENCE)
        self._refused_client = False

    def client_is_refused(self, sender: LoadedSender) -> None:
        """Note that Google refuses a sender's client."""
        self._refused_client |= sender.client is None

    def leaves_out(self, sender: LoadedSender) -> bool:
        """Whether a sender is left to a later look: its claim ends by itself."""
        return (
            self._stopping()
            or self._claims_end.is_over
            or self.in_vain >= _IN_VAIN
            or (self._refused_client and sender.client is None)
        )

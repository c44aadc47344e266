"""Everything goes wrong at random, for a while; and then every message is accounted for.

Programs send and queue. Meanwhile workers are killed, whose clocks are wrong; Postgres crashes, is
cut off, or its packets are swallowed; Gmail's answers are lost; grants are revoked and given again.
"""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from subprocess import Popen
from typing import Any

from mailcore import (
    AuthorizationError,
    DatabaseUnavailable,
    Delivery,
    DeliveryStatus,
    Mailcore,
    PalEMailError,
)
from mailcore.clock import Deadline
from mailcore.sandbox import GoogleSandbox, faults
from mailcore.store.database import patiently
from tests.support.authorise import authorise
from tests.support.driving import Tables, eventually
from tests.support.postgres import Server
from tests.support.queueing import let_leases_run_out
from tests.support.swallowing import Swallowing
from tests.support.worker_process import worker_process

ALIASES = ("alerts", "billing", "reports", "shop")
_WORKERS = 3
#: Seconds by which the workers' clocks are wrong.
_CLOCKS = (0, 7, -7)
#: Seconds between two mishaps, and in which all has to have settled afterwards.
_PAUSE, _SETTLES = 0.7, 240
#: A slow machine goes on until there were so many.
_LEAST = 8
#: None of these says anything of a sender.
_FAULTS = (
    faults.CLOSE_BEFORE,
    faults.CLOSE_AFTER,
    faults.RESET_AFTER,
    faults.CUT_AFTER,
    faults.BAD_GATEWAY_HTML,
    faults.BAD_GATEWAY_HTML.after_taking(),
    faults.GATEWAY_TIMEOUT.after_taking(),
    faults.SERVICE_UNAVAILABLE,
    faults.RATE_LIMIT_EXCEEDED,
)
#: What a program is told of a message that was not sent, and is not going to be.
_NOT_SENT = {"temporary_failure", "rate_limited", "reauth_required", "database_unavailable"}


@dataclass(slots=True)
class Ledger:
    """What happened, apart from what the database says.

    Attributes:
        told: what the program was told of each message.
        mishaps: how often what went wrong.
        wrong: what does not add up.
    """

    told: dict[str, str] = field(default_factory=dict)
    mishaps: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    taken: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True, kw_only=True)
class Chaos:
    """One run.

    Attributes:
        core: straight to the database, for people.
        jobs: for programs, whose packets may be swallowed.
        environment: for workers, the same way.
    """

    core: Mailcore
    jobs: Mailcore
    google: GoogleSandbox
    environment: Mapping[str, str]
    server: Server
    line: Swallowing
    tables: Tables
    chance: random.Random
    ledger: Ledger = field(default_factory=Ledger)

    def run(self, seconds: float) -> Ledger:
        """Let everything go wrong for so long, let it settle, and add up."""
        for alias in ALIASES:
            account = f"{alias}@example.com"
            self.google.add_account(account)
            self.core.senders.register(alias, gmail_account=account, by="ann")
            authorise(self.core, self.google, alias)
        with self._programs():
            self._go_wrong(time.monotonic() + seconds)
        self._settle()
        self._add_up()
        return self.ledger

    # What goes on all the time

    @contextmanager
    def _programs(self) -> Iterator[None]:
        over = threading.Event()
        kinds: tuple[Callable[[str, threading.Event], None], ...] = (self._send, self._queue)
        threads = [
            threading.Thread(target=kind, args=(alias, over)) for alias in ALIASES for kind in kinds
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def _queue(self, alias: str, over: threading.Event) -> None:
        number = 0
        while not over.wait(0.15):
            subject = f"{alias} queued {number:05}"
            number += 1
            try:
                self.jobs.queue_email(
                    alias, to="ann@example.com", subject=subject, text="t", idempotency_key=subject
                )
                self.ledger.told[subject] = "queued"
            except PalEMailError as exc:
                self.ledger.told[subject] = f"not heard ({exc.code})"

    def _send(self, alias: str, over: threading.Event) -> None:
        number = 0
        while not over.wait(0.3):
            subject = f"{alias} sent {number:05}"
            number += 1
            try:
                self.jobs.send_email(
                    alias, to="ann@example.com", subject=subject, text="t", timeout=3,
                    idempotency_key=subject if number % 2 else None,
                )  # fmt: skip
                self.ledger.told[subject] = "sent"
            except PalEMailError as exc:
                self.ledger.told[subject] = exc.code

    # What goes wrong

    def _go_wrong(self, until: float) -> None:
        mishaps = (
            *(self._kill_a_worker,) * 4,
            self._crash_postgres,
            self._swallow_packets,
            *(self._revoke_a_grant,) * 2,
            *(self._end_access_tokens,) * 2,
        )
        with ExitStack() as stack:
            workers = [self._worker(stack) for _ in range(_WORKERS)]
            while time.monotonic() < until or self.ledger.mishaps.total() < _LEAST:
                self.google.heal()
                for _ in range(30):
                    calm = faults.slow(0.02)
                    self.google.fail("send", self.chance.choice([calm] * 8 + list(_FAULTS)))
                mishap = self.chance.choice(mishaps)
                self.ledger.mishaps[mishap.__name__.strip("_").replace("_", " ")] += 1
                if mishap == self._kill_a_worker:
                    place = self.chance.randrange(_WORKERS)
                    workers[place].send_signal(self.chance.choice([signal.SIGKILL, signal.SIGTERM]))
                    workers[place] = self._worker(stack)
                else:
                    mishap()
                threading.Event().wait(self.chance.uniform(0, 2 * _PAUSE))

    def _worker(self, stack: ExitStack) -> "Popen[str]":
        ahead = self.chance.choice(_CLOCKS)
        return stack.enter_context(worker_process(self.environment, ahead=ahead, quiet=True))

    def _kill_a_worker(self) -> None:
        """Done in place: another one takes its place."""

    def _crash_postgres(self) -> None:
        self.server.crash()

    def _swallow_packets(self) -> None:
        self.line.passing.clear()
        threading.Event().wait(self.chance.uniform(0.5, 4))
        self.line.passing.set()

    def _revoke_a_grant(self) -> None:
        alias = self.chance.choice(ALIASES)
        self.google.revoke_grant(f"{alias}@example.com")
        threading.Event().wait(self.chance.uniform(0, 2))
        self._patiently(self._authorise, alias)

    def _authorise(self, alias: str) -> None:
        while True:
            with suppress(AuthorizationError):
                authorise(self.core, self.google, alias)
                return

    def _end_access_tokens(self) -> None:
        self.google.expire_access_tokens()

    # What comes of it

    def _settle(self) -> None:
        """With nothing in the way any more, all that waits has to go out."""
        self.google.heal()
        # Whoever has been killed holds what it was sending until its lease is over.
        self._patiently(let_leases_run_out, self.tables)
        self._patiently(self.tables, "DELETE FROM refresh_lease")
        with worker_process(self.environment, quiet=True):
            try:
                eventually(self._is_settled, seconds=_SETTLES)
            except AssertionError:
                self.ledger.wrong.append(f"after {_SETTLES} s some messages still wait")

    def _is_settled(self) -> bool:
        threading.Event().wait(0.5)
        settled = {DeliveryStatus.SENT, DeliveryStatus.UNKNOWN, DeliveryStatus.FAILED}
        return {row.status for row in self._deliveries()} <= settled

    def _add_up(self) -> None:
        rows = {row.subject: row for row in self._deliveries()}
        taken = Counter(mail.subject for mail in self.google.outbox)
        ledger = self.ledger
        ledger.taken = taken.total()
        ledger.outcomes = Counter(row.status.value for row in rows.values())
        ledger.wrong += [f"{subject}: sent {n} times" for subject, n in taken.items() if n > 1]
        ledger.wrong += [f"{subject}: sent without a row" for subject in taken.keys() - rows.keys()]
        for subject, told in ledger.told.items():
            ledger.wrong += _contradictions(subject, told, rows.get(subject), taken[subject])
        for alias in ALIASES:
            queued = [
                mail.subject for mail in self.google.outbox if f"{alias} queued" in mail.subject
            ]
            if queued != sorted(queued):
                ledger.wrong.append(f"{alias}: queued messages are out of order")
        self._check_blame()

    def _check_blame(self) -> None:
        """A sender is expired only by a revocation, and blocked by nothing here."""
        happened = Counter(
            event.what
            for alias in ALIASES
            for event in self._patiently(self.core.senders.events, alias, limit=10_000)
        )
        if happened["expired"] > self.ledger.mishaps["revoke a grant"] or happened["blocked"]:
            self.ledger.wrong.append(f"senders were blamed wrongly: {happened}")

    def _deliveries(self) -> tuple[Delivery, ...]:
        found: tuple[Delivery, ...] = self._patiently(self.core.deliveries.listing, limit=100_000)
        return found

    def _patiently(self, call: Callable[..., object], *arguments: object, **named: object) -> Any:
        """Do what a person does while the database is away: try again."""
        return patiently(DatabaseUnavailable, Deadline(60))(call, *arguments, **named)


def _contradictions(subject: str, told: str, row: Delivery | None, taken: int) -> Iterator[str]:
    """Yield what does not agree about one message."""
    if row is None:
        if told in {"queued", "sent", "outcome_unknown"}:
            yield f"{subject}: told {told}, and lost"
        return
    match row.status:
        case DeliveryStatus.SENT if not taken:
            yield f"{subject}: called sent, and was not"
        case DeliveryStatus.FAILED if taken:
            yield f"{subject}: called failed, and was sent"
    if told == "sent" and not taken:
        yield f"{subject}: the program was told sent, and it was not"
    if told in _NOT_SENT and taken:
        yield f"{subject}: the program was told {told}, and it was sent"
    if told == "queued" and row.status is DeliveryStatus.FAILED:
        yield f"{subject}: told queued, and failed"

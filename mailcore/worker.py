"""A worker: it finds the senders that have mail to send, and gets it sent."""

import logging
import os
import socket
import threading
from dataclasses import dataclass
from functools import partial

from mailcore.chores import Chore
from mailcore.clock import elapsed
from mailcore.core import Mailcore
from mailcore.errors import PalEMailError
from mailcore.outbox.drain import SEND_TIMEOUT
from mailcore.outbox.engine import Engine
from mailcore.store.database import DATABASE_PATIENCE

log = logging.getLogger("mailcore")

#: Seconds between two looks at all senders. Nothing depends on notifications.
SWEEP = 2.0
#: Seconds between two looks for what is wrong, for alerts that are due and for grants to ask
#: about, and between two calls of the heartbeat.
LOOK_FOR_ALERTS, TELL_ALERTS, PROBE, HEARTBEAT = 30.0, 5.0, 15.0, 60.0
#: Seconds between two looks at what became of drafts.
LOOK_AFTER_DRAFTS = 2.0
#: Seconds after which a worker that has not looked, or whose engine is silent, is not well.
UNWELL_AFTER = 30.0
#: Seconds after which a worker that has not even tried to look is dead: a look takes less.
DEAD_AFTER = 60.0
#: Seconds after which a silent engine is left to itself, and another one is started.
_ABANDONED_AFTER = 60.0
#: Seconds before the next try where Postgres or the engine could not be reached.
_PAUSE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """A worker's health.

    Attributes:
        alive: it is doing something, even if only waiting for Postgres. If it isn't, only a
            restart helps.
        well: it checks for mail, and its engine runs.
        looked: seconds since it last checked.
        engine: seconds since its engine was last known to work.
    """

    alive: bool
    well: bool
    looked: float
    engine: float


class Worker:
    """Drains the queue, in threads of its own, until it is stopped.

    Any number of them may run, on any number of machines.

    Args:
        core: the deployment.
        concurrency: how many senders send at the same time.
    """

    def __init__(self, core: Mailcore, *, concurrency: int = 16) -> None:
        self._upkeep = core.upkeep
        self._drain = core.drain
        self._concurrency = concurrency
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._stopping = threading.Event()
        self._news = _News()
        self._listener = self._upkeep.listener(self._news.tell)
        self._engine = self._new_engine()
        self._looked = self._turned = elapsed()
        self._sees = True
        self._thread = threading.Thread(target=self._run, name="mailcore-worker", daemon=True)
        self._chores = (
            Chore("look for alerts", core.alerting.look, every=LOOK_FOR_ALERTS),
            Chore("deliver alerts", core.alerting.tell, every=TELL_ALERTS),
            Chore("ask about grants", partial(core.probes.run, self._stopping.is_set), every=PROBE),
            Chore(
                "look after drafts",
                partial(core.left_drafts.run, self._stopping.is_set),
                every=LOOK_AFTER_DRAFTS,
            ),
            Chore("call the heartbeat", partial(self._beat, core), every=HEARTBEAT),
        )

    def start(self) -> None:
        """Begin to work."""
        self._engine.start()
        self._listener.start()
        self._thread.start()
        for chore in self._chores:
            chore.start()

    def stop(self) -> None:
        """Start nothing new. Messages that are being sent are finished, within their time limit."""
        self._stopping.set()
        for chore in self._chores:
            chore.stop()
        self._news.tell(None)
        self._listener.stop()
        self._engine.stop()

    def join(self) -> None:
        """Wait until messages that are being sent are finished, and their outcomes recorded."""
        self._engine.join()
        self._listener.join()
        self._thread.join(SEND_TIMEOUT)
        for chore in self._chores:
            chore.join(SEND_TIMEOUT)
        try:
            self._settle()
        except PalEMailError as exc:
            log.warning("Postgres could not be reached while the worker stopped: %s", exc.message)

    @property
    def health(self) -> Health:
        """The worker's health now."""
        looked, engine = elapsed() - self._looked, self._engine.silent_for
        return Health(
            alive=self._thread.is_alive() and elapsed() - self._turned < DEAD_AFTER,
            well=self._sees and max(looked, engine) < UNWELL_AFTER,
            looked=looked,
            engine=engine,
        )

    def _new_engine(self) -> Engine:
        return Engine(
            self._upkeep.connect_arguments,
            drain=self._send,
            clean_up=self._clean_up,
            concurrency=self._concurrency,
            patience=SEND_TIMEOUT + 2 * DATABASE_PATIENCE,
        )

    def _send(self, alias: str) -> None:
        """Drain a sender, and look at it again: more may have come, or be due in a moment."""
        try:
            self._drain.run(alias, worker=self._name, stopping=self._stopping.is_set)
        except PalEMailError as exc:
            log.warning("the queue of sender %s pauses for a moment: %s", alias, exc.message)
        self._news.tell(alias)

    def _beat(self, core: Mailcore) -> None:
        """Say elsewhere that all is well: that this worker works, and alerts reach somebody."""
        if self.health.well:
            core.alerting.call_heartbeat(core.alerts.health())

    def _settle(self) -> None:
        self._drain.settle()
        self._upkeep.settle()

    def _clean_up(self) -> None:
        while not self._stopping.is_set() and self._upkeep.forget_old():
            pass

    def _run(self) -> None:
        """Look whenever there is news, when something is due, and every few seconds."""
        due_at: dict[str, float] = {}
        sweep_at = elapsed()
        while not self._stopping.is_set():
            self._turned = elapsed()
            told = self._news.wait(min([sweep_at, *due_at.values()]) - elapsed())
            now = elapsed()
            everything = None in told or now >= sweep_at
            aliases = {alias for alias in told if alias}
            aliases |= {alias for alias, at in due_at.items() if at <= now}
            if everything:
                sweep_at, aliases = now + SWEEP, set(due_at)
            try:
                found = self._look(None if everything else aliases)
            except Exception as exc:  # noqa: BLE001 - whatever it is, the next look may succeed
                log.warning("the queue cannot be checked: %s", exc)
                self._sees = False
                self._stopping.wait(_PAUSE)
                sweep_at = now
                continue
            due_at = {alias: at for alias, at in due_at.items() if alias not in aliases} | found
            self._replace_silent_engine()

    def _look(self, aliases: set[str] | None) -> dict[str, float]:
        """Have those drained that are due, and return when the others will be.

        Args:
            aliases: only these senders; None looks at all, and after dead workers.
        """
        if aliases is None:
            self._settle()
        seconds = self._upkeep.due(aliases)
        self._looked = now = elapsed()
        self._sees = True
        ready = [alias for alias, wait in seconds.items() if wait <= 0]
        later = {alias: now + wait for alias, wait in seconds.items() if wait > 0}
        if ready and not self._engine.defer(ready):
            later |= dict.fromkeys(ready, now + _PAUSE)
        return later

    def _replace_silent_engine(self) -> None:
        """Leave an engine to itself that hangs. The jobs that it holds lose nothing."""
        if self._engine.silent_for < _ABANDONED_AFTER or self._stopping.is_set():
            return
        log.critical("the queue's engine hangs and is replaced")
        self._engine.stop()
        self._engine = self._new_engine()
        self._engine.start()


class _News:
    """Aliases of senders to look at; None stands for all."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._told: set[str | None] = set()

    def tell(self, alias: str | None) -> None:
        """Say that a sender is worth a look."""
        with self._changed:
            self._told.add(alias)
            self._changed.notify()

    def wait(self, seconds: float) -> set[str | None]:
        """Return what was told, at once or within so many seconds."""
        with self._changed:
            if not self._told:
                self._changed.wait(max(seconds, 0.0))
            told, self._told = self._told, set()
            return told

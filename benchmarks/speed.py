"""How long a send takes: every contender in every situation, taking turns."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier

from benchmarks.contenders import BARE, ONE_THREAD_ONLY
from benchmarks.place import Contender, Mail
from benchmarks.stand_in import StandIn

THREADS = 16
_WARM_UP = Mail("Is anyone there?")


@dataclass(frozen=True, slots=True)
class Situation:
    """One column of the results.

    Attributes:
        size: a key of the mails, as it is called in the results.
        delay: seconds that Gmail takes to answer.
        rounds: how often each contender has its turn.
        sends: mails a thread in one turn.
    """

    threads: int
    size: str
    delay: float
    rounds: int
    sends: int

    @property
    def answers(self) -> str:
        return f"after {self.delay * 1000:.0f} ms" if self.delay else "at once"


SITUATIONS = (
    Situation(1, "2 KB", 0.0, rounds=30, sends=20),
    Situation(1, "2 KB", 0.1, rounds=5, sends=5),
    Situation(1, "5 MB", 0.0, rounds=5, sends=1),
    Situation(1, "5 MB", 0.1, rounds=4, sends=1),
    Situation(THREADS, "2 KB", 0.0, rounds=9, sends=8),
    Situation(THREADS, "2 KB", 0.1, rounds=7, sends=8),
    # Processor-bound, so waiting for Gmail would change nothing.
    Situation(THREADS, "5 MB", 0.0, rounds=1, sends=1),
)


@dataclass(frozen=True, slots=True)
class Spread:
    """A median, and between what the middle half of the rounds lay."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, samples: list[float]) -> "Spread":
        if len(samples) == 1:
            return cls(samples[0], samples[0], samples[0])
        low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
        return cls(median, low, high)


#: Contender → seconds a mail, round by round; one that cannot take part is missing.
Rounds = dict[str, list[float]]


def measure(
    stand_in: StandIn,
    contenders: Mapping[str, Contender],
    situation: Situation,
    mail: Mail,
    *,
    quick: bool,
    advance: Callable[[], None],
) -> Rounds:
    """Let the contenders take turns, so that what slows the machine slows them all.

    Args:
        stand_in: answers them.
        contenders: by name.
        situation: what to measure.
        mail: what to send.
        quick: two rounds are enough.
        advance: called after every round.
    """
    able = {
        name: contender
        for name, contender in contenders.items()
        if situation.threads == 1 or name not in ONE_THREAD_ONLY
    }
    rounds: Rounds = {name: [] for name in able}
    crews = {name: ThreadPoolExecutor(situation.threads) for name in able}
    stand_in.play()
    for name, contender in able.items():
        _turn(crews[name], contender, _WARM_UP, situation.threads, sends=2)
    stand_in.play(delay=situation.delay)
    for _ in range(min(situation.rounds, 2) if quick else situation.rounds):
        for name, contender in able.items():
            gc.collect()
            seconds = _turn(crews[name], contender, mail, situation.threads, situation.sends)
            rounds[name].append(seconds / situation.sends / situation.threads)
        advance()
    for crew in crews.values():
        crew.shutdown()
    return rounds


def _turn(
    crew: ThreadPoolExecutor, contender: Contender, mail: Mail, threads: int, sends: int
) -> float:
    ready = Barrier(threads + 1)  # so that each thread of the crew has its share

    def work() -> None:
        ready.wait()
        for _ in range(sends):
            contender.send(mail)

    shares = [crew.submit(work) for _ in range(threads)]
    ready.wait()
    started = time.perf_counter()
    for share in shares:
        share.result()
    return time.perf_counter() - started


def ratio(rounds: Rounds, name: str, to: str = BARE) -> Spread | None:
    """Return how many times as long a contender takes as another, round by round."""
    if name not in rounds:
        return None
    return Spread.of([one / other for one, other in zip(rounds[name], rounds[to], strict=True)])

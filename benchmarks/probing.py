"""Probes of many senders: what a full round costs a worker, and a look that finds nothing."""

import itertools
import os
import statistics
import tempfile
import time
from dataclasses import dataclass

import psycopg

from benchmarks.contenders.pal_e_mail import Contender as Ours
from benchmarks.deployment import fill_up
from benchmarks.place import Place
from benchmarks.stand_in import StandIn
from mailcore import Mailcore
from mailcore.google.credentials import Grant

SENDERS = 10_000
#: Of which so many are really asked about.
_ASKED = 1000


@dataclass(frozen=True, slots=True)
class ProbeFigures:
    """What probes cost.

    Attributes:
        round_cpu: seconds of the worker's processor for `SENDERS` probes.
        round_trips: to Postgres, for each.
        look: seconds of a look that finds nothing due, among so many.
    """

    round_cpu: float
    round_trips: float
    look: float


def measure(stand_in: StandIn, place: Place) -> ProbeFigures:
    """Ask about some of many senders, and carry it over to all of them."""
    fill_up(place, SENDERS)
    _make_due(place)
    core = Ours(place).core
    core.probes.run(lambda: False)  # it connects, and learns whose sessions it has
    stand_in.play()
    used = time.process_time()
    trips = _round_trips(core)
    used = time.process_time() - used
    asked = stand_in.play().get("refreshes", 0)
    look = statistics.median(_seconds(core) for _ in range(50))
    core.close()
    return ProbeFigures(round_cpu=used / asked * SENDERS, round_trips=trips / asked, look=look)


def _make_due(place: Place) -> None:
    token_json = Grant(refresh_token="made-up").to_json()
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE sender SET token_json = %s, last_refreshed_at = NULL, last_error_code = NULL,"
            " status = 'healthy', generation = 1,"
            " next_probe_at = now() + (id - %s) * interval '1 s' - interval '1 day'"
            " WHERE alias LIKE 'job-%%'",
            [token_json, _ASKED],
        )
        connection.execute(
            "UPDATE sender SET next_probe_at = now() + interval '5 h'"
            " WHERE id NOT IN (SELECT id FROM sender WHERE alias LIKE 'job-%%' LIMIT %s)",
            [_ASKED],
        )
        connection.execute("VACUUM ANALYZE sender")


def _round_trips(core: Mailcore) -> int:
    """Probe until nothing is due; return how often Postgres was waited for, by libpq's trace."""
    with tempfile.NamedTemporaryFile("r") as trace:
        descriptor = os.open(trace.name, os.O_WRONLY | os.O_APPEND)
        connections = [connection.pgconn for connection in core._database._idle]  # noqa: SLF001
        for connection in connections:
            connection.trace(descriptor)
        for _ in itertools.repeat(None, _ASKED // 40 + 1):
            core.probes.run(lambda: False)
        for connection in connections:
            connection.untrace()
        return trace.read().count("ReadyForQuery")


def _seconds(core: Mailcore) -> float:
    started = time.perf_counter()
    core.probes.run(lambda: False)
    return time.perf_counter() - started

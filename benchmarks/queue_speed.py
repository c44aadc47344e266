"""The queue: how soon it sends, how fast, and what its cost depends on."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from benchmarks.contenders.pal_e_mail import Contender as Ours
from benchmarks.place import SENDER, Place
from benchmarks.stand_in import StandIn
from mailcore import Mailcore
from mailcore.worker import Worker

SENDERS = 16
#: Seconds after which Gmail answers, where many senders are measured.
DELAY = 0.1
#: What stands in the table beside what is measured.
HISTORY, HELD, SCHEDULED = 1_000_000, 100_000, 100_000

_MAIL: Any = {"to": "ops@example.com", "subject": "Disk is full", "text": "94 % are used.\n" * 100}

_ROWS = """
    INSERT INTO delivery (id, alias, recipients, subject, message_id, status, attempts, send_at,
                          sent_at, created_at, updated_at)
    SELECT gen_random_uuid(), %(alias)s, ARRAY['ops@example.com'], 'Disk is full', '<a@b>',
           %(status)s::text, 1, now() + %(ahead)s::interval,
           CASE WHEN %(status)s::text = 'sent' THEN now() - day END,
           now() - day, now() - day
    FROM generate_series(1, %(number)s) AS n, LATERAL (SELECT n %% 90 * interval '1 day') AS a(day)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFigures:
    """What was found.

    Attributes:
        heard: seconds from the commit until it is recorded as sent, of each message.
        unheard: the same where no notification reaches the worker, as behind a pooler.
        in_one: messages a second that `queue_email` queues in one transaction.
        one_by_one: likewise, each in its own.
        direct: messages a second of `send_email` from as many threads as there are senders.
        one_worker: likewise, from the queue.
        two_workers: likewise, of two workers.
        alone: milliseconds a message of one sender, with nothing else in the table.
        beside: the same, beside what the key says.
    """

    heard: tuple[float, ...]
    unheard: tuple[float, ...]
    in_one: float
    one_by_one: float
    direct: float
    one_worker: float
    two_workers: float
    alone: float
    beside: dict[str, float]


def measure(stand_in: StandIn, place: Place, *, quick: bool) -> QueueFigures:
    """Measure all of it."""
    few = 10 if quick else 60
    core = Ours(place).core
    with psycopg.connect(place.database_url, autocommit=True) as database:
        aliases = _add_senders(database)
        stand_in.play()
        with _working(core, 1):
            heard = _latencies(database, lambda: _queue(core), few)
            unheard = _latencies(database, lambda: _queue_unheard(database), few // 3)
        in_one = _rate(few * 20, lambda number: _queue_in_one(core, place, number))
        one_by_one = _rate(few * 5, lambda number: [_queue(core) for _ in range(number)])
        database.execute("DELETE FROM delivery WHERE status = 'queued'")
        stand_in.play(delay=DELAY)
        each = few // 2
        direct = _direct(core, aliases, each)
        one_worker = _drained(core, database, aliases, each, workers=1)
        two_workers = _drained(core, database, aliases, each, workers=2)
        stand_in.play()
        database.execute("TRUNCATE delivery")
        alone = _cost(core, database, few * 5)
        beside = {
            what: _beside(core, database, few * 5, number // (100 if quick else 1), alias, status)
            for what, number, alias, status in (
                (f"{HISTORY:,} sent", HISTORY, "alerts", "sent"),
                (f"{HELD:,} held behind an expired sender", HELD, "dead", "queued"),
                (f"{SCHEDULED:,} scheduled for tomorrow", SCHEDULED, "alerts", "scheduled"),
            )
        }
        database.execute("DELETE FROM sender WHERE alias <> 'alerts'")
        database.execute("TRUNCATE delivery")
    core.close()
    return QueueFigures(
        heard=heard,
        unheard=unheard,
        in_one=in_one,
        one_by_one=one_by_one,
        direct=direct,
        one_worker=one_worker,
        two_workers=two_workers,
        alone=alone,
        beside=beside,
    )


def _add_senders(database: "psycopg.Connection[tuple[object, ...]]") -> list[str]:
    """Copy the one that is there, with its grant; and add one that has expired."""
    aliases = [f"sender-{number}" for number in range(SENDERS)]
    for alias in [*aliases, "dead"]:
        database.execute(
            """
            INSERT INTO sender (alias, gmail_account, status, generation, granted_scopes,
                                token_json, grant_issued_at, status_changed_at, created_at,
                                updated_at)
            SELECT %s, %s, %s, generation, granted_scopes, token_json, grant_issued_at,
                   now(), now(), now()
            FROM sender WHERE alias = 'alerts'
            """,
            [alias, SENDER, "expired" if alias == "dead" else "healthy"],
        )
    return aliases


@contextmanager
def _working(core: Mailcore, workers: int) -> Iterator[None]:
    running = [Worker(core, concurrency=SENDERS) for _ in range(workers)]
    for worker in running:
        worker.start()
    try:
        time.sleep(2.5)  # until each has looked, and listens
        yield
    finally:
        for worker in running:
            worker.stop()
        for worker in running:
            worker.join()


def _queue(core: Mailcore, alias: str = "alerts") -> str:
    return core.queue_email(alias, **_MAIL).delivery_id


def _queue_unheard(database: "psycopg.Connection[tuple[object, ...]]") -> str:
    """Queue once more what was sent last, and tell nobody."""
    row = database.execute(
        """
        INSERT INTO delivery (id, alias, recipients, subject, message_id, body, status, attempts,
                              send_at, created_at, updated_at)
        SELECT gen_random_uuid(), alias, recipients, subject, message_id, 'Subject: s'::bytea,
               'queued', 0, clock_timestamp(), now(), now()
        FROM delivery WHERE status = 'sent' LIMIT 1 RETURNING id::text
        """
    ).fetchone()
    assert row is not None
    return str(row[0])


def _latencies(
    database: "psycopg.Connection[tuple[object, ...]]", queue: Callable[[], str], times: int
) -> tuple[float, ...]:
    """Queue one at a time, and measure until it is recorded as sent."""
    found = []
    for number in range(times):
        time.sleep(0.05 + number % 7 * 0.03)  # idle, and in step with no timer
        key = queue()
        started = time.perf_counter()
        while not _is_sent(database, key):
            time.sleep(0.002)
        found.append(time.perf_counter() - started)
    return tuple(found)


def _is_sent(database: "psycopg.Connection[tuple[object, ...]]", key: str) -> bool:
    asked = "SELECT FROM delivery WHERE id = %s AND status = 'sent'"
    return database.execute(asked, [key]).fetchone() is not None


def _queue_in_one(core: Mailcore, place: Place, number: int) -> None:
    with psycopg.connect(place.database_url) as connection:
        for _ in range(number):
            core.queue_email("alerts", connection=connection, **_MAIL)


def _rate(number: int, run: Callable[[int], object]) -> float:
    run(10)
    started = time.perf_counter()
    run(number)
    return number / (time.perf_counter() - started)


def _direct(core: Mailcore, aliases: list[str], each: int) -> float:
    def send(alias: str) -> None:
        for _ in range(each):
            core.send_email(alias, **_MAIL)

    with ThreadPoolExecutor(len(aliases)) as threads:
        list(threads.map(lambda alias: core.send_email(alias, **_MAIL), aliases))
        started = time.perf_counter()
        list(threads.map(send, aliases))
        return each * len(aliases) / (time.perf_counter() - started)


def _drained(
    core: Mailcore,
    database: "psycopg.Connection[tuple[object, ...]]",
    aliases: list[str],
    each: int,
    *,
    workers: int,
) -> float:
    """Queue for paused senders, resume them all, and measure until nothing waits."""
    with _working(core, workers):
        database.execute("UPDATE sender SET paused_at = now() WHERE status = 'healthy'")
        for alias in aliases:
            for _ in range(each):
                _queue(core, alias)
        started = time.perf_counter()
        database.execute("UPDATE sender SET paused_at = NULL")
        database.execute("SELECT pg_notify('palemail_queue', unnest(%s::text[]))", [aliases])
        _until_drained(database)
        return each * len(aliases) / (time.perf_counter() - started)


def _until_drained(database: "psycopg.Connection[tuple[object, ...]]") -> None:
    waits = """
        SELECT FROM delivery
        WHERE (status = 'sending' OR status = 'queued' AND send_at < now()) AND alias <> 'dead'
        LIMIT 1
    """
    while database.execute(waits).fetchone() is not None:
        time.sleep(0.01)


def _cost(core: Mailcore, database: "psycopg.Connection[tuple[object, ...]]", number: int) -> float:
    """Return how many milliseconds a message of one sender takes, from claim to record."""
    database.execute("VACUUM ANALYZE delivery")
    rounds = []
    for _ in range(5):
        for _ in range(number // 5):
            _queue(core)
        waiting = threading.Event()
        started = time.perf_counter()
        while core.upkeep.due(["alerts"]).get("alerts", 1) <= 0:
            core.drain.run("alerts", worker="benchmark", stopping=waiting.is_set)
        rounds.append((time.perf_counter() - started) / (number // 5) * 1000)
    return statistics.median(rounds)


def _beside(  # noqa: PLR0917 - what is beside, as a row
    core: Mailcore,
    database: "psycopg.Connection[tuple[object, ...]]",
    number: int,
    beside: int,
    alias: str,
    status: str,
) -> float:
    later = status == "scheduled"
    values = {
        "alias": alias,
        "status": "queued" if later else status,
        "ahead": "1 day" if later else "0",
        "number": beside,
    }
    database.execute(_ROWS, values)
    try:
        return _cost(core, database, number)
    finally:
        database.execute("TRUNCATE delivery")

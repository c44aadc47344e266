"""Everything goes wrong at once, for a while; and then every delivery tells what came of it."""

import random
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from functools import partial

import pytest

from mailcore import DatabaseUnavailable, Mailcore
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import authorise
from tests.support.driving import Tables, eventually
from tests.support.outages import Closable
from tests.support.queueing import let_leases_run_out, queue
from tests.support.steps import deliveries
from tests.support.worker_process import worker_process, working

pytestmark = pytest.mark.process

SENDERS, EACH, ROUNDS = 4, 60, 8


def resumes(core: Mailcore, alias: str) -> bool:
    """A person clicks, and once more where the database was away."""
    with suppress(DatabaseUnavailable):
        core.queue.resume(alias, by="ann")
        return True
    return False


def test_chaos(
    core: Mailcore,
    google: GoogleSandbox,
    environment: Mapping[str, str],
    database: Closable,
    tables: Tables,
) -> None:
    """Workers are killed, Postgres is cut, Gmail fails, grants end, people pause and resume.

    Gmail takes each message at most once, each sender's in order; what it took is sent or
    unknown, what it did not take is never called sent, and nothing is left waiting.
    """
    chance = random.Random(11)  # noqa: S311 - the same course every time
    aliases = [f"sender-{number}" for number in range(SENDERS)]
    for alias in aliases:
        google.add_account(f"{alias}@example.com")
        core.senders.register(alias, gmail_account=f"{alias}@example.com", by="ann")
        authorise(core, google, alias)
    for number in range(EACH):
        for alias in aliases:
            queue(core, alias=alias, subject=f"{alias} {number:02}")

    for _ in range(ROUNDS):
        alias = chance.choice(aliases)
        trouble = chance.choice(
            [faults.CLOSE_AFTER, faults.SERVICE_UNAVAILABLE, faults.RESET_AFTER]
        )
        google.fail("send", trouble, times=chance.randrange(1, 4))
        google.fail("send", faults.RATE_LIMIT_EXCEEDED)
        with ExitStack() as stack:
            workers = [stack.enter_context(worker_process(environment)) for _ in range(2)]
            core.queue.pause(alias, by="ann")
            google.expire_access_tokens()
            threading.Event().wait(chance.uniform(0.1, 0.6))  # how far they get is left to chance
            database.cut()
            eventually(partial(resumes, core, alias))
            threading.Event().wait(chance.uniform(0.0, 0.4))
            for worker in workers:
                worker.kill()
            for worker in workers:
                worker.wait(20)

    google.heal()
    let_leases_run_out(tables)
    tables("UPDATE sender SET next_send_at = NULL, send_interval = 0")
    tables("DELETE FROM refresh_lease")
    with working(core):
        eventually(
            lambda: {row.status.value for row in deliveries(core)} <= {"sent", "unknown"},
            seconds=60,
        )
    _check(core, google, aliases)


def _check(core: Mailcore, google: GoogleSandbox, aliases: list[str]) -> None:
    taken = Counter(mail.subject for mail in google.outbox)
    assert set(taken.values()) == {1}
    recorded = {row.subject: row.status.value for row in deliveries(core)}
    assert len(recorded) == SENDERS * EACH
    assert {subject for subject, status in recorded.items() if status == "sent"} <= set(taken)
    for alias in aliases:
        subjects = [mail.subject for mail in google.outbox if mail.subject.startswith(alias)]
        assert subjects == sorted(subjects)
    # Each killed worker leaves one message a sender open at most, and so does each lost answer.
    unknown = sum(status == "unknown" for status in recorded.values())
    assert unknown <= ROUNDS * (2 * SENDERS + 3)

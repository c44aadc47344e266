"""Plugs pulled at random, by processes that know nothing of each other, against a ledger."""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from mailcore import AuthorizationError, DatabaseUnavailable, DeliveryStatus, Mailcore
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import ACCOUNT, authorise
from tests.support.outages import Closable
from tests.support.steps import deliveries, history

_ROOT = Path(__file__).parents[2]
MESSAGES = 120
WORKERS = 3
#: Workers that are killed, each in the midst of whatever it does.
KILLS = 6
#: Of how many requests one has its access token refused, though the grant is alive.
REJECTED_EVERY = 40

SEND_FAULTS = [
    faults.CLOSE_BEFORE,
    faults.CLOSE_AFTER,
    faults.RESET_AFTER,
    faults.CUT_AFTER,
    faults.BAD_GATEWAY_HTML,
    faults.BAD_GATEWAY_HTML.after_taking(),
    faults.GATEWAY_TIMEOUT.after_taking(),
    faults.SERVICE_UNAVAILABLE,
    faults.too_many_requests(wait=0.1),
]
#: What says that a message of this key is not at Gmail, and may be sent later.
NOT_SENT = {"temporary_failure", "database_unavailable", "reauth_required", "rate_limited"}


@pytest.mark.usefixtures("alerts")
def test_nothing_goes_out_twice_and_nothing_sent_is_called_unsent(
    core: Mailcore,
    google: GoogleSandbox,
    environment: dict[str, str],
    database: Closable,
    tmp_path: Path,
) -> None:
    """Workers killed, Postgres cut off, answers lost, a grant revoked: the ledger adds up."""
    chance = random.Random(7)  # noqa: S311 - the same faults every time
    for number in range(3 * MESSAGES):
        # Far apart: one message that meets two of them is right to call the grant refused.
        lone = number % REJECTED_EVERY == 0
        fault = chance.choice([faults.slow(0.02)] * 12 + SEND_FAULTS)
        google.fail("send", faults.UNAUTHORIZED if lone else fault)
    ledger = tmp_path / "ledger"
    revoked = 0
    with _workers(environment, ledger) as workers:
        for step in range(KILLS):
            google.wait_for_outbox(10 * (step + 1), timeout=60)
            victim = workers[step % WORKERS]
            victim.kill()
            victim.wait()
            workers[step % WORKERS] = _start(environment, ledger)
            database.cut()
            if step in (1, 4):
                google.expire_grant(ACCOUNT)
                revoked += 1
                _reauthorise(core, google)
        for worker in workers:
            assert worker.wait(timeout=120) == 0

    _add_up(core, google, _answers(ledger))
    # A sender is blamed for what its grant did, and for nothing else.
    assert history(core).count("expired") <= revoked
    assert history(core).count("blocked") == 0


def _add_up(core: Mailcore, google: GoogleSandbox, answers: dict[str, list[str]]) -> None:
    arrived = Counter(message.subject for message in google.outbox)
    rows = {row.subject: row for row in deliveries(core)}
    assert {subject: count for subject, count in arrived.items() if count > 1} == {}
    assert arrived.keys() <= rows.keys()
    for subject, told in answers.items():
        if "sent" in told:
            assert arrived[subject] == 1, subject
        elif NOT_SENT.issuperset(told):
            assert arrived[subject] == 0, subject
    for subject, row in rows.items():
        if row.status is DeliveryStatus.SENT:
            assert arrived[subject] == 1, subject
        elif row.status is DeliveryStatus.FAILED:
            assert arrived[subject] == 0, subject
        else:
            assert row.status in {DeliveryStatus.UNKNOWN, DeliveryStatus.SENDING}


def _answers(ledger: Path) -> dict[str, list[str]]:
    """What the workers were told of each message."""
    answers: dict[str, list[str]] = {}
    for line in map(json.loads, ledger.read_text().splitlines()):
        answers.setdefault(str(line["number"]), []).append(line["told"])
    return answers


@contextmanager
def _workers(environment: dict[str, str], ledger: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    workers = [_start(environment, ledger) for _ in range(WORKERS)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def _start(environment: dict[str, str], ledger: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.chaos_worker", str(ledger), "0", str(MESSAGES)],
        cwd=_ROOT,
        env={**os.environ, **environment},
    )


def _reauthorise(core: Mailcore, google: GoogleSandbox) -> None:
    done = False
    while not done:
        with suppress(AuthorizationError, DatabaseUnavailable):  # the database was cut off
            authorise(core, google, "alerts")
            done = True

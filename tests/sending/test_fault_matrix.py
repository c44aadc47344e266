"""Whatever goes wrong, in any order: the outbox and the delivery table agree to the row."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mailcore import (
    AuthorizationError,
    DatabaseUnavailable,
    Delivery,
    DeliveryStatus,
    Mailcore,
    PalEMailError,
    ReauthRequired,
    Sender,
    Sent,
)
from mailcore.clock import Deadline
from mailcore.sandbox import GoogleSandbox, SandboxMessage, faults
from mailcore.store.database import patiently
from tests.support.authorise import ACCOUNT, authorise, healthy_sender
from tests.support.certificates import server_context
from tests.support.connect_proxy import connect_proxy, go_through
from tests.support.drafting import look_after_drafts
from tests.support.driving import Tables
from tests.support.outages import Closable
from tests.support.relay import tls_front
from tests.support.steps import deliveries, send

MAILS = 300
THREADS = 8

FINE = faults.slow(0)
#: What Gmail says, and what happens on the way: before it has taken the message, and after.
SEND_FAULTS = [
    faults.UNAUTHORIZED,
    faults.RATE_LIMIT_EXCEEDED,
    faults.too_many_requests(wait=0.2),
    faults.MAIL_SERVICE_NOT_ENABLED,
    faults.ACCESS_NOT_CONFIGURED,
    faults.INVALID_ARGUMENT,
    faults.FORBIDDEN,
    faults.INTERNAL_ERROR,
    faults.INTERNAL_ERROR.after_taking(),
    faults.BAD_GATEWAY_HTML.after_taking(),
    faults.GATEWAY_TIMEOUT_HTML,
    faults.GATEWAY_TIMEOUT_HTML.after_taking(),
    faults.SERVICE_UNAVAILABLE_HTML,
    faults.OK_WITH_HTML,
    faults.OK_WITH_HTML.after_taking(),
    faults.OK_WITH_TRUNCATED_JSON,
    faults.CLOSE_BEFORE,
    faults.CLOSE_AFTER,
    faults.RESET_BEFORE,
    faults.RESET_AFTER,
    faults.CUT_AFTER,
    replace(faults.slow(0.05), name="late"),
]
TOKEN_FAULTS = [
    faults.SERVICE_UNAVAILABLE_HTML,
    faults.CLOSE_AFTER,
    faults.OK_WITH_GARBAGE,
    faults.INVALID_GRANT,
    FINE,
]


@pytest.fixture(params=["direct", "proxy"])
def jobs(
    request: pytest.FixtureRequest,
    core: Mailcore,
    google: GoogleSandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Mailcore]:
    """The deployment as jobs have it: straight to Google, or over TLS through a proxy."""
    if request.param == "direct":
        yield core
        return
    tls, certificate = server_context(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with connect_proxy() as proxy, tls_front(urlsplit(google.url).port or 0, tls) as front:
        go_through(monkeypatch, proxy.url)
        token_uri = front.rstrip("/") + urlsplit(google.token_uri).path
        endpoints = {"gmail_api_endpoint": front, "google_token_uri": token_uri}
        behind = Mailcore(core.settings.model_copy(update=endpoints))
        yield behind
        behind.close()


def test_nothing_is_lost_and_nothing_sent_twice(
    core: Mailcore, jobs: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """Hundreds of mails from eight threads amid every fault, each accounted for."""
    chance = random.Random(2)  # noqa: S311 - the same faults every time
    _arrange(google, chance)
    keys = [f"key-{number // 2}" if number % 3 else None for number in range(MAILS)]
    chance.shuffle(keys)

    def job(number: int) -> Sent | PalEMailError:
        if number % 40 == 20:
            google.expire_access_tokens()
        if number % 100 == 50:
            google.expire_grant(ACCOUNT)
            _reauthorise(core, google)
        try:
            return send(jobs, subject=f"{number}", idempotency_key=keys[number], timeout=20)
        except ReauthRequired as exc:
            _reauthorise(core, google)
            return exc
        except PalEMailError as exc:
            return exc

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(job, range(MAILS)))

    rows = deliveries(core)
    _agree(rows, google.outbox)
    unkeyed = sum(key is None for key in keys)
    assert len(rows) == unkeyed + len(set(keys) - {None})
    by_id = {row.id: row for row in rows}
    for answer in answers:
        if isinstance(answer, Sent):
            assert by_id[answer.delivery_id].gmail_id == answer.gmail_id
    assert Counter(row.status for row in rows)[DeliveryStatus.SENT] > MAILS / 5
    # Every kind of end was met, or the matrix would prove little.
    codes = {answer.code for answer in answers if isinstance(answer, PalEMailError)}
    assert codes >= {"outcome_unknown", "message_rejected", "configuration", "sender_blocked"}


def test_with_drafts_every_outcome_is_known_in_the_end(
    core: Mailcore, jobs: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """The same for a sender that sends drafts: each once or not at all, and nobody is asked."""
    healthy_sender(core, google, use_drafts=True)
    chance = random.Random(3)  # noqa: S311 - the same faults every time
    faulty = [each for each in SEND_FAULTS if each != faults.MAIL_SERVICE_NOT_ENABLED]
    for operation in ("send", "create_draft", "get_draft", "delete_draft"):
        for _ in range(200):
            google.fail(operation, chance.choice([FINE] * len(faulty) + faulty))

    def job(number: int) -> None:
        if number % 40 == 20:
            google.expire_access_tokens()
        with suppress(PalEMailError):
            send(jobs, subject=f"{number}", timeout=20)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(job, range(150)))

    google.heal()
    authorise(core, google)  # Gmail may have turned it away twice
    for _ in range(3):
        look_after_drafts(jobs, tables)
    rows = deliveries(core)
    _agree(rows, google.outbox)
    assert len(rows) == 150
    assert {row.status for row in rows} == {DeliveryStatus.SENT, DeliveryStatus.FAILED}
    assert not google.drafts


def test_google_going_down_and_up_loses_nothing(
    core: Mailcore, jobs: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """Outages that break off what is under way leave each mail sent, unsent or open."""

    def job(number: int) -> str:
        try:
            send(jobs, subject=f"{number}", timeout=30)
        except PalEMailError as exc:
            return exc.code
        return "sent"

    with ThreadPoolExecutor(THREADS) as pool:
        answers = pool.map(job, range(100))
        for so_far in (10, 30, 50, 70):
            google.wait_for_outbox(so_far, timeout=30)
            google.stop()
            google.start()
    assert set(answers) <= {"sent", "outcome_unknown"}
    rows = deliveries(core)
    assert len(rows) == 100
    _agree(rows, google.outbox)


def test_postgres_losing_its_connections_loses_nothing(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database: Closable
) -> None:
    """Restarts in the midst of it all go unnoticed: each mail is sent once, and recorded."""

    def job(number: int) -> Sent:
        key = f"key-{number}" if number % 2 else None
        return send(core, subject=f"{number}", idempotency_key=key, timeout=30)

    with ThreadPoolExecutor(THREADS) as pool:
        answers = pool.map(job, range(100))
        for so_far in range(5, 95, 10):
            google.wait_for_outbox(so_far, timeout=30)
            database.cut()
    rows = patiently(DatabaseUnavailable, Deadline(10))(deliveries, core)
    assert {row.id for row in rows} == {answer.delivery_id for answer in answers}
    assert {row.status for row in rows} == {DeliveryStatus.SENT}
    assert len(google.outbox) == 100
    _agree(rows, google.outbox)


def _reauthorise(core: Mailcore, google: GoogleSandbox) -> None:
    """Do as a person does whom the token endpoint turns away: start again."""
    done = False
    while not done:
        with suppress(AuthorizationError):
            authorise(core, google, "alerts")
            done = True


def _arrange(google: GoogleSandbox, chance: random.Random) -> None:
    for _ in range(2 * MAILS):
        google.fail("send", chance.choice([FINE, FINE, *SEND_FAULTS[:1]] * 6 + SEND_FAULTS))
    for _ in range(MAILS):
        google.fail("token", chance.choice(TOKEN_FAULTS))


def _agree(rows: Iterable[Delivery], outbox: list[SandboxMessage]) -> None:
    """Check that each mail is there once, as its row says, and each row as the outbox says."""
    sent_mails = Counter(str(mail.email["Message-ID"]) for mail in outbox)
    assert set(sent_mails.values()) == {1}
    by_message_id = {row.message_id: row for row in rows}
    assert sent_mails.keys() <= by_message_id.keys()
    mails = {str(mail.email["Message-ID"]): mail for mail in outbox}
    for message_id, row in by_message_id.items():
        mail = mails.get(message_id)
        match row.status:
            case DeliveryStatus.SENT:
                assert mail is not None
                assert mail.subject == row.subject
                assert row.gmail_id in {mail.gmail_id, None}  # None: the answer was cut short
            case DeliveryStatus.FAILED:
                assert mail is None
            case status:
                assert status is DeliveryStatus.UNKNOWN

"""One key, one mail: across threads, processes and crashes, and settled by people."""

import signal
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from uuid import uuid4

import psycopg
import pytest

from mailcore import (
    DeliveryDiscarded,
    DeliveryNotFound,
    DeliveryNotSettleable,
    DeliveryStatus,
    Mailcore,
    MessageRejected,
    OutcomeUnknown,
    ReauthRequired,
    Sender,
)
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import ACCOUNT, authorise
from tests.support.processes import job, outcomes
from tests.support.steps import history, send, the_delivery

KEY = "disk-2026-11-22"


def test_the_second_call_gets_the_first_result(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """A job that runs twice sends once, and is told the same both times."""
    first = send(core, idempotency_key=KEY)
    assert send(core, idempotency_key=KEY, subject="changed meanwhile") == first
    assert len(google.outbox) == google.requests.sends() == 1
    assert the_delivery(core).idempotency_key == KEY
    assert not the_delivery(core).can_retry


def test_a_key_that_is_too_coarse_is_noticed(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    """A job that means another mail by the same key finds it in the log; a repeat is no news."""
    first = send(core, idempotency_key=KEY)
    send(core, idempotency_key=KEY)
    assert "another message" not in caplog.text
    assert send(core, idempotency_key=KEY, to="bob@example.com") == first
    assert f"key {KEY!r} of sender alerts has sent another message" in caplog.text


def test_keys_belong_to_their_sender(core: Mailcore, google: GoogleSandbox, alerts: Sender) -> None:
    """Two senders that use the same key don't get into each other's way."""
    core.senders.register("billing", gmail_account="billing@example.com", by="ann")
    authorise(core, google, "billing")
    assert send(core, idempotency_key=KEY) != send(core, "billing", idempotency_key=KEY)
    assert len(google.outbox) == 2


def test_fifty_calls_at_once_send_one_mail(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """However many threads meet at a key, one sends, and all get its result."""
    with google.hold("send") as gate, ThreadPoolExecutor(50) as pool:
        calls = [pool.submit(send, core, idempotency_key=KEY, timeout=60) for _ in range(50)]
        gate.wait_for_arrivals(1)
        gate.release()
        [first, *others] = [call.result() for call in calls]
    assert others == [first] * 49
    assert google.requests.sends() == 1
    assert the_delivery(core).id == first.delivery_id


def test_four_processes_send_one_mail(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, environment: Mapping[str, str]
) -> None:
    """Workers on several machines that share a key share its one mail."""
    with ExitStack() as running, google.hold("send") as gate:
        jobs = [
            running.enter_context(job(environment, idempotency_key=KEY, timeout=60, threads=3))
            for _ in range(4)
        ]
        gate.wait_for_arrivals(1, timeout=60)
        gate.release()
        answers = [answer for each in jobs for answer in outcomes(each)]
    assert len(answers) == 12
    assert answers == [asdict(send(core, idempotency_key=KEY))] * 12
    assert google.requests.sends() == 1


def test_a_call_that_waits_in_vain_does_not_send(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """While another call is still sending, a second one asks its job to come again."""
    with google.hold("send") as gate, ThreadPoolExecutor(1) as pool:
        first = pool.submit(send, core, idempotency_key=KEY, timeout=20)
        gate.wait_for_arrivals(1)
        with pytest.raises(OutcomeUnknown, match="still sending") as waiting:
            send(core, idempotency_key=KEY, timeout=0.3)
        gate.release()
        assert waiting.value.delivery_id == first.result().delivery_id
    assert send(core, idempotency_key=KEY) == first.result()
    assert google.requests.sends() == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [(faults.INVALID_ARGUMENT, MessageRejected), (faults.MAIL_SERVICE_NOT_ENABLED, Exception)],
    ids=["rejected", "blocked"],
)
def test_a_key_whose_mail_did_not_go_out_may_be_used_again(
    core: Mailcore,
    google: GoogleSandbox,
    alerts: Sender,
    fault: faults.Fault,
    error: type[Exception],
) -> None:
    """A failed attempt doesn't burn its key: the corrected mail goes out under it."""
    google.fail("send", fault)
    with pytest.raises(error):
        send(core, idempotency_key=KEY)
    failed = the_delivery(core)
    sent = send(core, idempotency_key=KEY, subject="Corrected")
    delivery = the_delivery(core)
    assert delivery.id == failed.id == sent.delivery_id
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.SENT, 2)
    assert (delivery.subject, delivery.error_code) == ("Corrected", None)
    assert delivery.message_id == sent.message_id == google.outbox[0].email["Message-ID"]


@pytest.mark.usefixtures("alerts")
class TestKilledInMidSend:
    """A process that dies while Gmail is taking its mail."""

    @pytest.fixture
    def cut_off(
        self,
        core: Mailcore,
        google: GoogleSandbox,
        environment: Mapping[str, str],
        database_url: str,
    ) -> str:
        """The id of the delivery that a killed process left, its time being over."""
        with (
            google.hold("send", at="answer") as gate,
            job(environment, idempotency_key=KEY, timeout=5) as process,
        ):
            gate.wait_for_arrivals(1, timeout=60)
            process.kill()
            process.wait()
        assert len(google.outbox) == 1
        with pytest.raises(OutcomeUnknown, match="still sending"):
            send(core, idempotency_key=KEY, timeout=0.2)
        # The process might only be slow; its row says how slow it may be at most.
        with psycopg.connect(database_url, autocommit=True) as connection:
            row = connection.execute(
                "SELECT id, extract(epoch FROM leased_until - now()) FROM delivery"
            ).fetchone()
            assert row is not None
            assert row[1] < 20
            connection.execute("UPDATE delivery SET leased_until = now()")
        return str(row[0])

    def test_its_key_answers_that_nobody_knows(
        self, core: Mailcore, google: GoogleSandbox, cut_off: str
    ) -> None:
        """It is never sent a second time by itself."""
        for _ in range(2):
            with pytest.raises(OutcomeUnknown, match="may or may not") as raised:
                send(core, idempotency_key=KEY)
            assert raised.value.delivery_id == cut_off
        delivery = core.deliveries.get(cut_off)
        assert (delivery.status, delivery.can_retry) == (DeliveryStatus.UNKNOWN, True)
        assert delivery.error_code == "outcome_unknown"
        assert google.requests.sends() == 1

    def test_the_list_shows_it_as_open(self, core: Mailcore, cut_off: str) -> None:
        """People see it without any job asking."""
        delivery = the_delivery(core)
        assert (delivery.id, delivery.status) == (cut_off, DeliveryStatus.UNKNOWN)

    def test_a_person_has_it_sent_again(
        self, core: Mailcore, google: GoogleSandbox, cut_off: str
    ) -> None:
        """The very same message goes out, the key answers with it, and the trail says who."""
        again = core.deliveries.retry(cut_off, by="ann@example.com")
        assert again.delivery_id == cut_off
        first, second = google.outbox
        assert first.raw == second.raw
        assert second.gmail_id == again.gmail_id
        assert send(core, idempotency_key=KEY) == again
        newest, *_ = core.senders.events("alerts")
        assert (newest.what, newest.who, newest.detail) == (
            "delivery retried",
            "ann@example.com",
            cut_off,
        )

    def test_a_person_discards_it(
        self, core: Mailcore, google: GoogleSandbox, cut_off: str
    ) -> None:
        """The key answers that it was discarded, the message is forgotten, and who is known."""
        discarded = core.deliveries.discard(cut_off, by="bob@example.com")
        assert (discarded.status, discarded.can_retry) == (DeliveryStatus.DISCARDED, False)
        with pytest.raises(DeliveryDiscarded) as raised:
            send(core, idempotency_key=KEY)
        assert raised.value.delivery_id == cut_off
        assert google.requests.sends() == 1
        newest, *_ = core.senders.events("alerts")
        assert (newest.what, newest.who, newest.detail) == (
            "delivery discarded",
            "bob@example.com",
            cut_off,
        )


@pytest.fixture
def unknown(core: Mailcore, google: GoogleSandbox, alerts: Sender) -> str:
    """The id of a delivery of unknown outcome."""
    google.fail("send", faults.CLOSE_BEFORE)
    with pytest.raises(OutcomeUnknown):
        send(core, idempotency_key=KEY)
    return the_delivery(core).id


@pytest.mark.parametrize(
    "fault",
    [
        faults.CLOSE_AFTER,
        faults.INVALID_ARGUMENT,
        faults.MAIL_SERVICE_NOT_ENABLED,
        # From when the tests are collected: they may run for long.
        faults.too_many_requests(wait=86_400),
    ],
)
def test_what_is_not_sent_on_a_retry_stays_open(
    core: Mailcore, google: GoogleSandbox, unknown: str, fault: faults.Fault
) -> None:
    """Whether the first attempt arrived is still unknown, so the key still doesn't send."""
    google.fail("send", fault)
    with pytest.raises(Exception, match="alerts"):
        core.deliveries.retry(unknown, by="ann")
    delivery = core.deliveries.get(unknown)
    assert (delivery.status, delivery.can_retry) == (DeliveryStatus.UNKNOWN, True)
    assert (delivery.attempts, delivery.error_code) == (2, "outcome_unknown")
    with pytest.raises(OutcomeUnknown):
        send(core, idempotency_key=KEY)
    core.deliveries.retry(unknown, by="ann")
    assert core.deliveries.get(unknown).status is DeliveryStatus.SENT


def test_a_retry_needs_a_grant(core: Mailcore, google: GoogleSandbox, unknown: str) -> None:
    """While the sender is expired nothing is settled; after the re-auth it can be."""
    google.expire_grant(ACCOUNT)
    with pytest.raises(ReauthRequired):
        core.deliveries.retry(unknown, by="ann")
    assert core.deliveries.get(unknown).status is DeliveryStatus.UNKNOWN
    authorise(core, google, "alerts")
    core.deliveries.retry(unknown, by="ann")
    assert len(google.outbox) == 1


def test_a_reply_that_is_sent_again_stays_in_its_thread(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """The thread is remembered with the message."""
    first = send(core)
    google.fail("send", faults.CLOSE_BEFORE)
    with pytest.raises(OutcomeUnknown) as raised:
        send(core, thread_id=first.thread_id)
    assert raised.value.delivery_id is not None
    assert core.deliveries.retry(raised.value.delivery_id, by="ann").thread_id == first.thread_id


def test_two_people_settle_at_once(core: Mailcore, google: GoogleSandbox, unknown: str) -> None:
    """While one sends it again, the other's word comes too late, and is told so."""
    with google.hold("send") as gate, ThreadPoolExecutor(1) as pool:
        retried = pool.submit(core.deliveries.retry, unknown, by="ann")
        gate.wait_for_arrivals(1)
        with pytest.raises(DeliveryNotSettleable):
            core.deliveries.discard(unknown, by="bob")
        with pytest.raises(DeliveryNotSettleable):
            core.deliveries.retry(unknown, by="bob")
        gate.release()
        retried.result()
    assert core.deliveries.get(unknown).status is DeliveryStatus.SENT
    assert history(core).count("delivery retried") == 1
    assert "delivery discarded" not in history(core)


def test_many_people_settle_at_once(core: Mailcore, google: GoogleSandbox, unknown: str) -> None:
    """Of all clicks on Send again and on Discard, one counts, and the others are told."""
    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(partial(_settles, core, unknown), range(10))) == 1
    settled = [what for what in history(core) if what.startswith("delivery ")]
    assert len(settled) == 1
    assert len(google.outbox) == int(settled == ["delivery retried"])


def test_two_people_see_the_same_question(
    core: Mailcore, google: GoogleSandbox, unknown: str, database_url: str
) -> None:
    """Both were right to click when they looked; still the mail goes out once."""
    with (
        psycopg.connect(database_url) as connection,
        psycopg.connect(database_url, autocommit=True) as onlooker,
        ThreadPoolExecutor(2) as pool,
    ):
        connection.execute("LOCK TABLE sender")  # both look, and then both wait for the sender
        clicks = [pool.submit(_settles, core, unknown, number) for number in (1, 3)]
        waiting: tuple[int, ...] | None = None
        while waiting != (2,):
            waiting = onlooker.execute(
                "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database "
                "WHERE datname = current_database() AND NOT granted"
            ).fetchone()
        connection.rollback()
        assert sum(click.result() for click in clicks) == 1
    assert len(google.outbox) == 1


def _settles(core: Mailcore, delivery_id: str, number: int) -> bool:
    """Send a delivery again (odd numbers) or discard it, and say whether that counted."""
    act = core.deliveries.retry if number % 2 else core.deliveries.discard
    try:
        act(delivery_id, by=f"person-{number}")
    except DeliveryNotSettleable:
        return False
    return True


def test_only_open_questions_can_be_settled(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """A sent mail is sent; an id that isn't there is said to be missing."""
    sent = send(core)
    for act in (core.deliveries.retry, core.deliveries.discard):
        with pytest.raises(DeliveryNotSettleable, match="is sent"):
            act(sent.delivery_id, by="ann")
        for nowhere in (str(uuid4()), "none", "x\0"):
            with pytest.raises(DeliveryNotFound):
                act(nowhere, by="ann")
    assert len(google.outbox) == 1


def test_a_late_failure_does_not_reopen_what_a_person_discarded(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database_url: str
) -> None:
    """A process that was only slow doesn't free a key that was settled meanwhile."""
    google.fail("send", faults.INVALID_ARGUMENT)
    with google.hold("send") as gate, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(send, core, idempotency_key=KEY, timeout=20)
        gate.wait_for_arrivals(1)
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("UPDATE delivery SET leased_until = now()")
        core.deliveries.discard(the_delivery(core).id, by="ann")
        gate.release()
        with pytest.raises(MessageRejected):
            slow.result()
    assert the_delivery(core).status is DeliveryStatus.DISCARDED
    with pytest.raises(DeliveryDiscarded):
        send(core, idempotency_key=KEY)
    assert google.outbox == []


def test_a_late_failure_does_not_free_a_key_that_another_attempt_holds(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database_url: str
) -> None:
    """A person has it sent again while the first attempt still hangs; its end changes nothing."""
    google.fail("send", faults.INVALID_ARGUMENT)
    with google.hold("send") as gate, ThreadPoolExecutor(2) as pool:
        slow = pool.submit(send, core, idempotency_key=KEY, timeout=20)
        gate.wait_for_arrivals(1)
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(
                "UPDATE delivery SET status = 'unknown', leased_until = now() - interval '1 s'"
            )
        google.fail("send", faults.CLOSE_AFTER)
        again = pool.submit(core.deliveries.retry, the_delivery(core).id, by="ann")
        gate.wait_for_arrivals(2)
        gate.release()
        with pytest.raises(MessageRejected):
            slow.result()
        with pytest.raises(OutcomeUnknown):
            again.result()
    assert the_delivery(core).status is DeliveryStatus.UNKNOWN
    with pytest.raises(OutcomeUnknown):
        send(core, idempotency_key=KEY)
    assert len(google.outbox) == 1


def test_a_late_success_is_recorded_all_the_same(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database_url: str
) -> None:
    """A process that was only slow turns the question it left open into an answer."""
    with google.hold("send") as gate, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(send, core, idempotency_key=KEY, timeout=20)
        gate.wait_for_arrivals(1)
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("UPDATE delivery SET leased_until = now()")
        assert the_delivery(core).status is DeliveryStatus.UNKNOWN
        gate.release()
        sent = slow.result()
    assert the_delivery(core).status is DeliveryStatus.SENT
    assert send(core, idempotency_key=KEY) == sent


@pytest.mark.parametrize("key", [KEY, None], ids=["with a key", "without"])
def test_a_process_that_is_told_to_stop_leaves_a_record(
    core: Mailcore,
    google: GoogleSandbox,
    alerts: Sender,
    environment: Mapping[str, str],
    key: str | None,
) -> None:
    """Ctrl-C in mid-send: the mail is on the list of those that a person decides on."""
    with (
        google.hold("send", at="answer") as gate,
        job(environment, idempotency_key=key, timeout=30) as process,
    ):
        gate.wait_for_arrivals(1, timeout=60)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
    delivery = the_delivery(core)
    assert (delivery.status, delivery.can_retry) == (DeliveryStatus.UNKNOWN, True)
    assert delivery.error_text is not None
    assert "KeyboardInterrupt" in delivery.error_text

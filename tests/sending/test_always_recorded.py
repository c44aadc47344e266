"""Whatever becomes of a send, whichever clock is wrong: a row tells, and nothing is repeated."""

import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from mailcore import (
    DeliveryStatus,
    FindingState,
    Mailcore,
    OutcomeUnknown,
    Sender,
    SenderStatus,
    TemporaryFailure,
)
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import ACCOUNT
from tests.support.outages import Closable
from tests.support.processes import job
from tests.support.steps import send, the_delivery

KEY = "disk-2026-11-22"

#: A program on a host whose clock is a minute ahead of everybody's.
_A_MINUTE_AHEAD = """
import datetime
real = datetime.datetime
class Ahead(real):
    @classmethod
    def now(cls, tz=None):
        return real.now(tz) + datetime.timedelta(minutes=1)
datetime.datetime = Ahead
from mailcore import Mailcore
core = Mailcore()
"""


def _a_minute_ahead(environment: Mapping[str, str], script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _A_MINUTE_AHEAD + script],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env=dict(environment),
    )
    return done.stdout.strip()


def test_a_killed_process_leaves_a_row_also_without_a_key(
    core: Mailcore,
    google: GoogleSandbox,
    alerts: Sender,
    environment: Mapping[str, str],
    database_url: str,
) -> None:
    """SIGKILL while Gmail takes the mail: a person finds it on the list, as open."""
    with google.hold("send", at="answer") as gate, job(environment, timeout=5) as process:
        gate.wait_for_arrivals(1, timeout=60)
        process.kill()
        process.wait()
    assert the_delivery(core).status is DeliveryStatus.SENDING
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE delivery SET leased_until = now()")
    delivery = the_delivery(core)
    assert (delivery.status, delivery.can_discard) == (DeliveryStatus.UNKNOWN, True)
    assert delivery.message_id == google.outbox[0].email["Message-ID"]


def test_bad_input_and_dry_runs_leave_no_row(core: Mailcore, alerts: Sender) -> None:
    """What was never to be sent is not on the list."""
    with pytest.raises(ValueError, match="recipient"):
        send(core, to=[])
    core.send_email("alerts", to="a@example.com", subject="s", text="t", dry_run=True)
    assert core.deliveries.page().matching == 0


def test_a_host_whose_clock_is_ahead_leaves_a_send_in_flight_alone(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, environment: Mapping[str, str]
) -> None:
    """It neither calls it cut off, nor offers to send it again."""
    look = "print(core.deliveries.page().deliveries[0].status)"
    with google.hold("send") as gate, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send, core, idempotency_key=KEY, timeout=20)
        gate.wait_for_arrivals(1)
        assert _a_minute_ahead(environment, look) == "sending"
        gate.release()
        sending.result()
    assert len(google.outbox) == 1


def test_the_doctor_compares_clocks_with_postgres(
    core: Mailcore, environment: Mapping[str, str]
) -> None:
    """A host that is a minute off is told so, and one that is right too."""
    look = "print({f.name: f for f in core.doctor()}['Database clock'])"
    assert "60 s off from the database server's" in _a_minute_ahead(environment, look)
    [here] = [finding for finding in core.doctor() if finding.name == "Database clock"]
    assert here.state is FindingState.OK


def test_a_success_that_comes_late_does_not_clear_a_newer_refusal(
    core: Mailcore, google: GoogleSandbox, alerts: Sender
) -> None:
    """Gmail took the mail, then the grant was revoked: the sender stays expired."""
    with google.hold("send", at="answer") as gate, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(send, core, timeout=20)
        gate.wait_for_arrivals(1)
        google.revoke_grant(ACCOUNT)
        assert core.check("alerts").status is SenderStatus.EXPIRED
        gate.release()
        slow.result()
    sender = core.senders.get("alerts")
    assert (sender.status, sender.last_error_code) == (SenderStatus.EXPIRED, "reauth_required")


def test_an_unsent_mail_whose_record_was_lost_can_be_sent_with_its_key(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database: Closable
) -> None:
    """The job was told that trying later is safe, and so it is."""
    google.fail("send", faults.SERVICE_UNAVAILABLE_HTML, times=None)
    with google.hold("send", at="answer") as gate, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send, core, idempotency_key=KEY, timeout=1)
        gate.wait_for_arrivals(1)
        database.close()
        gate.release()
        with pytest.raises(TemporaryFailure):
            sending.result()
    database.mend()
    google.heal()
    sent = send(core, idempotency_key=KEY)
    assert the_delivery(core).id == sent.delivery_id
    assert len(google.outbox) == 1


def test_waiting_for_another_calls_result_outlasts_a_restart(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database: Closable
) -> None:
    """A hiccup of Postgres is waited for; nobody is told that nothing was sent."""
    with (
        closing(Mailcore(core.settings)) as elsewhere,
        google.hold("send") as gate,
        ThreadPoolExecutor(2) as pool,
    ):
        first = pool.submit(send, core, idempotency_key=KEY, timeout=30)
        gate.wait_for_arrivals(1)
        second = pool.submit(send, elsewhere, idempotency_key=KEY, timeout=30)
        with pytest.raises(TimeoutError):
            second.result(timeout=0.5)
        database.close()
        with pytest.raises(TimeoutError):
            second.result(timeout=0.5)
        database.mend()
        gate.release()
        assert second.result() == first.result()
    assert len(google.outbox) == 1


def test_waiting_in_a_long_outage_does_not_say_that_nothing_was_sent(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database: Closable
) -> None:
    """A job that then turned to another channel would double the mail."""
    with (
        closing(Mailcore(core.settings)) as elsewhere,
        google.hold("send") as gate,
        ThreadPoolExecutor(2) as pool,
    ):
        first = pool.submit(send, core, idempotency_key=KEY, timeout=30)
        gate.wait_for_arrivals(1)
        second = pool.submit(send, elsewhere, idempotency_key=KEY, timeout=3)
        with pytest.raises(TimeoutError):
            second.result(timeout=0.5)
        database.close()
        with pytest.raises(OutcomeUnknown, match="same key"):
            second.result()
        database.mend()
        gate.release()
        first.result()


@pytest.mark.parametrize("held", ["before", "after"])
def test_a_locked_table_does_not_outlast_the_callers_time(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database_url: str, held: str
) -> None:
    """Before the call it is a temporary failure; after Gmail's yes it is sent all the same."""
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as pool:
        if held == "before":
            other.execute("LOCK TABLE delivery")
            with pytest.raises(TemporaryFailure, match="not answer in time"):
                pool.submit(send, core, timeout=0.5).result(timeout=8)
            assert google.requests.sends() == 0
        else:
            with google.hold("send", at="answer") as gate:
                sending = pool.submit(send, core, timeout=5)
                gate.wait_for_arrivals(1)
                other.execute("LOCK TABLE delivery")
                gate.release()
                assert sending.result(timeout=9).gmail_id == google.outbox[0].gmail_id
        other.rollback()


def test_days_are_days_where_clocks_change(
    core: Mailcore, alerts: Sender, database_url: str
) -> None:
    """In a session of another time zone, summer time doubles no day and drops none."""
    url = SecretStr(f"{database_url}&options=-ctimezone%3DEurope/Berlin")
    zone = core.settings.model_copy(update={"database_url": url})
    send(core)
    with closing(Mailcore(zone)) as abroad:
        days = [count.day for count in abroad.deliveries.per_day(days=400)]
        assert abroad.deliveries.per_day(days=400)[-1].sent == 1
    assert len(set(days)) == len(days) == 400
    assert all((day.hour, day.utcoffset()) == (0, days[0].utcoffset()) for day in days)

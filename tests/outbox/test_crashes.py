"""Workers that are killed: every message reaches Gmail at most once, or says that nobody knows."""

import signal

import pytest

from mailcore import DeliveryStatus, IfUnknown, Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.support.authorise import authorise
from tests.support.driving import Tables, eventually
from tests.support.queueing import let_leases_run_out, queue
from tests.support.steps import deliveries, the_delivery
from tests.support.worker_process import worker_process, working

pytestmark = [pytest.mark.usefixtures("alerts"), pytest.mark.process]


def test_killed_while_gmail_has_it(
    core: Mailcore, google: GoogleSandbox, environment: dict[str, str], tables: Tables
) -> None:
    """It may have been sent, so a person decides; the next message of the sender goes out."""
    queue(core, subject="first")
    with google.hold("send", at="answer") as gate, worker_process(environment) as process:
        gate.wait_for_arrivals(1)
        process.kill()
        process.wait(20)
    queue(core, subject="second")
    let_leases_run_out(tables)
    with working(core):
        eventually(lambda: [mail.subject for mail in google.outbox] == ["first", "second"])
        eventually(lambda: deliveries(core)[0].status is DeliveryStatus.SENT)
    assert [row.status for row in deliveries(core)] == [DeliveryStatus.SENT, DeliveryStatus.UNKNOWN]


def test_killed_before_gmail_was_asked(
    core: Mailcore, google: GoogleSandbox, environment: dict[str, str], tables: Tables
) -> None:
    """After the claim nobody can tell any more; what the caller said goes."""
    queue(core, subject="ask")
    queue(core, subject="resend", if_unknown=IfUnknown.RESEND)
    for _ in range(2):
        with google.hold("send") as gate, worker_process(environment) as process:
            gate.wait_for_arrivals(1)
            process.kill()
            process.wait(20)
        let_leases_run_out(tables)
    with working(core):
        eventually(
            lambda: (
                {row.subject: row.status.value for row in deliveries(core)}
                == {"ask": "unknown", "resend": "sent"}
            )
        )


def test_killed_with_mail_in_the_queue(
    core: Mailcore, google: GoogleSandbox, environment: dict[str, str], tables: Tables
) -> None:
    """What was not claimed loses nothing with its worker, nor its order."""
    with google.hold("send", at="answer") as gate, worker_process(environment) as process:
        queue(core, subject="0")
        gate.wait_for_arrivals(1)
        for number in range(1, 6):
            queue(core, subject=str(number))
        process.kill()
        process.wait(20)
    let_leases_run_out(tables)
    with working(core), working(core):
        google.wait_for_outbox(6, timeout=30)
    assert [mail.subject for mail in google.outbox] == [str(number) for number in range(6)]


def test_told_to_stop_it_finishes_what_it_sends(
    core: Mailcore, google: GoogleSandbox, environment: dict[str, str]
) -> None:
    """SIGTERM, as Kubernetes sends it: nothing ends as unknown, and nothing new is begun."""
    with google.hold("send", at="answer") as gate, worker_process(environment) as process:
        queue(core)
        gate.wait_for_arrivals(1)
        queue(core)
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        assert process.stdout.readline() == "stopping\n"
        gate.release()
        assert process.wait(30) == 0
    assert sorted(row.status.value for row in deliveries(core)) == ["queued", "sent"]
    assert len(google.outbox) == 1


def test_what_its_workers_die_of_is_not_resent_for_ever(core: Mailcore, tables: Tables) -> None:
    """A message too large for any worker kills ten of them, and then a person decides."""
    queue(core, if_unknown="resend")
    ends = []
    for _ in range(11):
        tables("UPDATE delivery SET status = 'sending'")
        tables("UPDATE delivery SET leased_until = now() - interval '1 s'")
        core.upkeep.settle()
        ends.append(the_delivery(core).status)
    assert ends == [DeliveryStatus.QUEUED] * 10 + [DeliveryStatus.UNKNOWN]


def test_two_workers_share_many_senders(core: Mailcore, google: GoogleSandbox) -> None:
    """Nothing goes out twice, and each sender's mail keeps its order."""
    aliases = [f"sender-{number}" for number in range(6)]
    for alias in aliases:
        google.add_account(f"{alias}@example.com")
        core.senders.register(alias, gmail_account=f"{alias}@example.com", by="ann")
        authorise(core, google, alias)
    with working(core, concurrency=3), working(core, concurrency=3):
        for number in range(10):
            for alias in aliases:
                queue(core, alias=alias, subject=f"{alias} {number}")
        google.wait_for_outbox(60, timeout=60)
        eventually(lambda: {row.status.value for row in deliveries(core)} == {"sent"})
    for alias in aliases:
        sent = [m.subject for m in google.outbox if m.account == f"{alias}@example.com"]
        assert sent == [f"{alias} {number}" for number in range(10)]


def test_a_lease_is_measured_by_postgres_clock(core: Mailcore, tables: Tables) -> None:
    """A host whose clock is wrong settles nothing that another one is still sending."""
    queue(core)
    tables(
        "UPDATE delivery SET status = 'sending', claimed_by = 'other',"
        " leased_until = now() + interval '10 s'"
    )
    core.upkeep.settle()
    assert the_delivery(core).status is DeliveryStatus.SENDING

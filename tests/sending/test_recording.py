"""What is recorded costs little, and what cannot be recorded changes no outcome."""

import logging
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from pydantic import SecretStr

from mailcore import DeliveryStatus, Mailcore, OutcomeUnknown, Sender, SenderStatus
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import authorise
from tests.support.outages import Closable
from tests.support.postgres_proxy import counting
from tests.support.steps import deliveries, history, send, the_delivery

KEY = "disk-2026-11-22"


def test_an_ordinary_mail_takes_two_round_trips(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database_url: str
) -> None:
    """One to load the grant, one to record the mail, counted on the wire."""
    with counting(database_url) as (url, trips):
        counted = _on(core, url)
        send(counted)  # opens the connection, and asks the server once what it is
        for _ in range(5):
            before = trips.count
            send(counted)
            assert trips.count - before == 2
        counted.close()
    assert len(google.outbox) == 6


def test_a_key_costs_no_further_round_trip(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database_url: str
) -> None:
    """The key is claimed with the statement that loads the sender; asking again reads it once."""
    with counting(database_url) as (url, trips):
        counted = _on(core, url)
        send(counted)
        before = trips.count
        send(counted, idempotency_key=KEY)
        assert trips.count - before == 2
        before = trips.count
        send(counted, idempotency_key=KEY)
        assert trips.count - before == 2
        counted.close()


def test_a_recovery_is_recorded_in_the_same_round_trip(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database_url: str
) -> None:
    """An accepted mail that ends an alarm costs no more than another one."""
    with counting(database_url) as (url, trips):
        counted = _on(core, url)
        google.fail("send", faults.MAIL_SERVICE_NOT_ENABLED)
        with pytest.raises(Exception, match="alerts"):
            send(counted)
        before = trips.count
        send(counted)
        assert trips.count - before == 2
        counted.close()
    assert core.senders.get("alerts").status is SenderStatus.HEALTHY
    assert history(core)[2:] == ["blocked", "healthy"]


@pytest.mark.parametrize("statement", [b"'sending', 0", b"WITH before"], ids=["claim", "record"])
def test_a_statement_whose_answer_is_lost(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database_url: str, statement: bytes
) -> None:
    """Postgres did what it was asked, and could not say so: still one mail, and one record."""
    google.fail("send", faults.MAIL_SERVICE_NOT_ENABLED)
    with pytest.raises(Exception, match="alerts"):
        send(core, subject="before")
    with counting(database_url) as (url, line):
        counted = _on(core, url)
        line.lose = statement
        sent = send(counted, idempotency_key=KEY)
        assert line.lose is None
        assert send(counted, idempotency_key=KEY) == sent
        counted.close()
    assert len(google.outbox) == 1
    assert [row.status.value for row in deliveries(core)] == ["sent", "failed"]
    assert history(core)[2:] == ["blocked", "healthy"]


@pytest.mark.usefixtures("alerts")
@pytest.mark.parametrize("outage", ["close", "forbid_writing"])
def test_a_sent_mail_that_cannot_be_recorded_is_sent(
    core: Mailcore,
    google: GoogleSandbox,
    database: Closable,
    caplog: pytest.LogCaptureFixture,
    outage: str,
) -> None:
    """The job is told *sent*, the log says it loudly, and nothing sends it again."""
    with google.hold("send", at="answer") as gate, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send, core, idempotency_key=KEY, timeout=20, subject="Very private")
        gate.wait_for_arrivals(1)
        getattr(database, outage)()
        gate.release()
        sent = sending.result()
    [mail] = google.outbox
    assert sent.gmail_id == mail.gmail_id
    [loud] = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert "was SENT" in loud.getMessage()
    assert "Nothing was sent" not in loud.getMessage()
    assert vars(loud)["delivery_id"] == sent.delivery_id
    assert "Very private" not in caplog.text
    database.mend()
    with closing(Mailcore(core.settings)) as elsewhere, pytest.raises(OutcomeUnknown):
        send(elsewhere, idempotency_key=KEY, timeout=0.3)
    assert send(core, idempotency_key=KEY) == sent  # this process makes up for the record
    assert google.requests.sends() == 1


def test_an_unsent_mail_that_cannot_be_recorded_is_unsent(
    core: Mailcore,
    google: GoogleSandbox,
    alerts: Sender,
    database: Closable,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The job hears what Google said, not that the log is away."""
    google.fail("send", faults.INVALID_ARGUMENT)
    with google.hold("send") as gate, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send, core, timeout=20)
        gate.wait_for_arrivals(1)
        database.close()
        gate.release()
        with pytest.raises(Exception, match="rejected this message"):
            sending.result()
    assert [record for record in caplog.records if record.levelno == logging.CRITICAL]


def test_a_restart_in_mid_send_goes_unnoticed(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database: Closable
) -> None:
    """Connections that Postgres ended are replaced, and the mail is recorded."""
    with google.hold("send") as gate, ThreadPoolExecutor(4) as pool:
        sends = [pool.submit(send, core, timeout=20) for _ in range(4)]
        gate.wait_for_arrivals(4)
        database.cut()
        gate.release()
        ids = {each.result().gmail_id for each in sends}
    assert ids == {delivery.gmail_id for delivery in deliveries(core)}
    database.cut()
    send(core)
    assert len(google.outbox) == 5


def test_a_short_outage_in_mid_send_is_waited_for(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database: Closable
) -> None:
    """A restart that takes a moment loses no record."""
    with google.hold("send", at="answer") as gate, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send, core, timeout=20)
        gate.wait_for_arrivals(1)
        database.close()
        gate.release()
        with pytest.raises(TimeoutError):
            sending.result(timeout=0.5)
        database.mend()
        sending.result()
    assert the_delivery(core).status is DeliveryStatus.SENT


def test_a_restart_while_access_is_renewed(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database: Closable
) -> None:
    """The renewal under way is lost, tried again, and the mail goes out once."""
    google.expire_access_tokens()
    with google.hold("token", at="answer") as gate, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send, core, timeout=20)
        gate.wait_for_arrivals(1)
        database.cut()
        gate.release()
        sending.result()
    assert len(google.outbox) == 1
    assert the_delivery(core).status is DeliveryStatus.SENT


def test_a_lost_database_gives_no_token_away(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database: Closable
) -> None:
    """A traceback of Postgres's going away, as jobs log it, shows no stored value."""
    with google.hold("token", at="answer") as gate, ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(core.check, "alerts")
        gate.wait_for_arrivals(1)
        database.close()
        gate.release()
        error = renewing.exception()
    assert error is not None
    shown = "".join(traceback.format_exception(error))
    assert "DatabaseUnavailable" in shown
    assert not [secret for secret in google.secrets if secret in shown]


def test_a_restart_just_before_is_waited_for(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database: Closable
) -> None:
    """A job that comes while Postgres restarts sends a moment later."""
    database.close()
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send, core, timeout=20)
        with pytest.raises(TimeoutError):
            sending.result(timeout=0.3)
        database.mend()
        sending.result()
    assert len(google.outbox) == 1


def test_without_postgres_nothing_is_sent(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database: Closable
) -> None:
    """A mail that could not be accounted for is not sent; later it is."""
    send(core)
    database.close()
    with pytest.raises(Exception, match="database cannot be reached"):
        send(core, timeout=1)
    database.mend()
    send(core)
    authorise(core, google, "alerts")
    assert len(google.outbox) == 2


def _on(core: Mailcore, url: str) -> Mailcore:
    """The same deployment by way of another address."""
    return Mailcore(core.settings.model_copy(update={"database_url": SecretStr(url)}))

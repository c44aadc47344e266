"""What fails between the recorded intent and Gmail is recorded as it is: nothing was sent."""

import gc
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from cryptography.fernet import Fernet

from mailcore import ConfigurationError, DeliveryStatus, Mailcore, OutcomeUnknown, Sender
from mailcore.sandbox import GoogleSandbox, faults
from mailcore.sending.outgoing import SendRequest
from tests.support.outages import Closable
from tests.support.processes import output, start_script
from tests.support.steps import send, the_delivery

KEY = "disk-2026-11-22"


@pytest.mark.parametrize("key", [KEY, None], ids=["with a key", "without"])
def test_a_grant_that_no_key_opens(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database_url: str, key: str | None
) -> None:
    """The encryption key is lost: each call says so, and no message waits for a person."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        sealed = Fernet(Fernet.generate_key()).encrypt(b"{}").decode()
        connection.execute("UPDATE sender SET token_json = %s", [f"fernet:{sealed}"])
    for _ in range(2):
        with pytest.raises(ConfigurationError):
            send(core, idempotency_key=key)
    statuses = {row.status for row in core.deliveries.page().deliveries}
    assert statuses == {DeliveryStatus.FAILED}


def in_memory() -> list[SendRequest]:
    # Not isinstance(): asking some objects of other libraries for their class begins something.
    return [each for each in gc.get_objects() if type(each) is SendRequest]


def test_a_record_that_waits_for_the_database_holds_no_message(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database: Closable
) -> None:
    """A job that sends large messages in an outage doesn't fill the machine's memory."""
    # Of other tests some may still be there, with a traceback.
    earlier = {each.delivery_id for each in in_memory()}
    google.fail("send", faults.CLOSE_BEFORE)
    with google.hold("send") as gate, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send, core, idempotency_key=KEY, timeout=20)
        gate.wait_for_arrivals(1)
        database.close()
        gate.release()
        assert isinstance(sending.exception(), OutcomeUnknown)
    [kept] = [each for each in in_memory() if each.delivery_id not in earlier]
    assert kept.message.raw == b""
    database.mend()
    send(core, subject="another")
    [unknown] = core.deliveries.page(status=DeliveryStatus.UNKNOWN).deliveries
    assert unknown.can_retry  # the message was stored with the intent
    core.deliveries.retry(unknown.id, by="ann")


def test_a_job_that_ends_makes_up_for_its_records(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database: Closable
) -> None:
    """It never sends again, so nobody else could say that its message was sent."""
    with (
        closing(Mailcore(core.settings)) as job,
        google.hold("send", at="answer") as gate,
        ThreadPoolExecutor(1) as pool,
    ):
        sending = pool.submit(send, job, timeout=20)
        gate.wait_for_arrivals(1)
        database.close()
        gate.release()
        sending.result()
        database.mend()
    assert the_delivery(core).status is DeliveryStatus.SENT


def test_a_forked_worker_leaves_its_parents_records_alone(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, environment: Mapping[str, str]
) -> None:
    """What the parent has to make up for may be settled when the child comes to it."""
    script = """
import os
from mailcore import Mailcore
core = Mailcore()
core.senders
recorder = core._mailer._recorder
recorder._unwritten["id"] = bool
if not os.fork():
    os._exit(len(recorder._unwritten))
print(os.waitstatus_to_exitcode(os.wait()[1]), len(recorder._unwritten))
core.close()
"""
    assert output(start_script(script, environment)) == "0 1"


def test_a_record_that_cannot_be_written_holds_up_no_other(
    core: Mailcore, google: GoogleSandbox, alerts: Sender, database: Closable, database_url: str
) -> None:
    """One that Postgres refuses for good is given up, and the next one is written."""
    google.fail("send", faults.INVALID_ARGUMENT)
    with google.hold("send") as gate, ThreadPoolExecutor(2) as pool:
        sends = [pool.submit(send, core, subject=each, timeout=20) for each in ("a", "b")]
        gate.wait_for_arrivals(2)
        database.close()
        gate.release()
        for each in sends:
            each.exception()
    database.mend()
    with psycopg.connect(database_url, autocommit=True) as connection:
        first = next(iter(core._mailer._recorder._unwritten))
        connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE 'no'; END $$"
        )
        connection.execute(
            "CREATE TRIGGER refused BEFORE UPDATE ON delivery FOR EACH ROW"
            f" WHEN (OLD.id = '{first}') EXECUTE FUNCTION refuse()"
        )
    send(core, subject="c")
    rows = {row.id: row.status for row in core.deliveries.page().deliveries}
    assert rows.pop(str(first)) is DeliveryStatus.SENDING
    assert DeliveryStatus.SENDING not in rows.values()

"""What a call could not record in an outage, it records later: by then others may have acted."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from mailcore import DeliveryStatus, Mailcore, OutcomeUnknown, Sender, TemporaryFailure
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.driving import Tables
from tests.support.postgres_proxy import counting
from tests.support.steps import send, the_delivery

KEY = "disk-2026-11-22"


@pytest.fixture
def late(core: Mailcore, alerts: Sender, database_url: str, tables: Tables) -> Iterator[Mailcore]:
    """A job whose claim was written, and who never heard so: it sent nothing, and gave up."""
    with counting(database_url) as (url, line), ThreadPoolExecutor(1) as pool:
        job = Mailcore(core.settings.model_copy(update={"database_url": SecretStr(url)}))
        job.senders.get("alerts")  # its connection stands
        line.freeze(answers_only=True)
        sending = pool.submit(send, job, timeout=1, idempotency_key=KEY)
        assert isinstance(sending.exception(), TemporaryFailure)
        line.thaw()
        tables("UPDATE delivery SET leased_until = now() - interval '1 second'")
        yield job
        job.close()


def test_a_late_record_leaves_alone_what_a_person_had_sent_again(
    core: Mailcore, google: GoogleSandbox, late: Mailcore
) -> None:
    """Gmail took it the second time, and its answer was lost: the key does not become free."""
    google.fail("send", faults.CLOSE_AFTER)
    with pytest.raises(OutcomeUnknown):
        core.deliveries.retry(the_delivery(core).id, by="ann")
    late.close()  # it records what it missed
    assert the_delivery(core).status is DeliveryStatus.UNKNOWN
    with pytest.raises(OutcomeUnknown):
        send(core, idempotency_key=KEY)
    assert [mail.subject for mail in google.outbox] == ["Disk is full"]


def test_a_late_record_settles_what_looked_like_an_open_question(
    core: Mailcore, google: GoogleSandbox, late: Mailcore
) -> None:
    """Nobody has decided yet: the call knows that nothing was sent, and the key is free."""
    with pytest.raises(OutcomeUnknown):
        send(core, idempotency_key=KEY)
    late.close()
    assert the_delivery(core).status is DeliveryStatus.FAILED
    send(core, idempotency_key=KEY)
    assert [mail.subject for mail in google.outbox] == ["Disk is full"]

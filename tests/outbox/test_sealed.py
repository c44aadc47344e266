"""Queued messages where keys are set."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from mailcore import DeliveryStatus, Mailcore, new_encryption_key
from mailcore.sandbox import GoogleSandbox
from tests.support.authorise import ACCOUNT, authorise
from tests.support.driving import Tables
from tests.support.queueing import drain, queue
from tests.support.steps import the_delivery


def with_key(core: Mailcore) -> Mailcore:
    keys = (SecretStr(new_encryption_key()),)
    return Mailcore(core.settings.model_copy(update={"encryption_keys": keys}))


@pytest.fixture
def sealing(core: Mailcore, google: GoogleSandbox) -> Iterator[Mailcore]:
    """A deployment with a key, and a sender."""
    sealing = with_key(core)
    sealing.senders.register("alerts", gmail_account=ACCOUNT, by="ann")
    authorise(sealing, google)
    yield sealing
    sealing.close()


def test_a_message_waits_sealed(sealing: Mailcore, google: GoogleSandbox, tables: Tables) -> None:
    """Whoever reads the database does not read the mail; it goes out as it was."""
    queue(sealing, text="The code is 4711.")
    [(body,)] = tables("SELECT body FROM delivery")
    assert isinstance(body, bytes)
    assert b"4711" not in body
    drain(sealing)
    assert "4711" in str(google.outbox[0].email)


def test_a_worker_without_the_key_sends_nothing_and_says_why(
    core: Mailcore, sealing: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """The message goes back into the queue, not into the unknown, and its row tells."""
    stranger = with_key(core)
    queue(sealing)
    drain(stranger)
    stranger.close()
    waiting = the_delivery(sealing)
    assert (waiting.status, waiting.error_code) == (DeliveryStatus.QUEUED, "configuration")
    assert "PALEMAIL_ENCRYPTION_KEYS" in str(waiting.error_text)
    assert 50 < sealing.upkeep.due()["alerts"] <= 60
    tables("UPDATE sender SET next_send_at = NULL")
    drain(sealing)
    assert the_delivery(sealing).status is DeliveryStatus.SENT
    assert len(google.outbox) == 1

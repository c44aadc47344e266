"""Answers of Postgres that are lost on the way: nothing is lost, doubled, or left open by them."""

import pytest
from pydantic import SecretStr

from mailcore import DeliveryStatus, Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.support.driving import eventually
from tests.support.postgres_proxy import counting
from tests.support.queueing import queue
from tests.support.steps import the_delivery
from tests.support.worker_process import working

pytestmark = pytest.mark.usefixtures("alerts")

_CLAIM, _SENT = b"claimed AS", b"INSERT INTO delivery"


@pytest.mark.parametrize("answer", [_CLAIM, _SENT], ids=["of the claim", "of the record"])
def test_a_lost_answer(
    core: Mailcore, google: GoogleSandbox, database_url: str, answer: bytes
) -> None:
    """The server has acted, and the worker cannot know; it goes out once, and ends as sent."""
    with counting(database_url) as (url, line):
        through = Mailcore(core.settings.model_copy(update={"database_url": SecretStr(url)}))
        line.lose = answer
        with working(through):
            queue(core)
            eventually(lambda: the_delivery(core).status is DeliveryStatus.SENT)
            assert line.lose is None
        through.close()
    assert len(google.outbox) == 1

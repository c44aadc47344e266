"""The queue behind a real PgBouncer in transaction mode: no session is one's own there."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from pydantic import SecretStr

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.support.authorise import ACCOUNT, authorise
from tests.support.driving import eventually
from tests.support.pgbouncer import PROGRAM, pooled
from tests.support.queueing import MAIL, queue
from tests.support.worker_process import worker_process, working

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")


@pytest.fixture
def url(database_url: str) -> Iterator[str]:
    with pooled(database_url) as address:
        yield address


@pytest.fixture
def over(core: Mailcore, url: str) -> Iterator[Mailcore]:
    settings = core.settings.model_copy(update={"database_url": SecretStr(url)})
    with closing(Mailcore(settings)) as by_way_of_it:
        yield by_way_of_it


@pytest.mark.usefixtures("alerts")
def test_mail_goes_out_though_nothing_can_be_listened_to(
    over: Mailcore, google: GoogleSandbox
) -> None:
    """LISTEN is lost there: the worker looks by itself every few seconds."""
    with working(over):
        for number in range(3):
            queue(over, subject=str(number))
        google.wait_for_outbox(3, timeout=20)
        queue(over, subject="later")
        google.wait_for_outbox(4, timeout=20)
    assert [mail.subject for mail in google.outbox] == ["0", "1", "2", "later"]


def test_held_mail_goes_out_after_the_re_auth(over: Mailcore, google: GoogleSandbox) -> None:
    """The whole story by way of the pooler: expired, held, authorised anew, sent."""
    over.senders.register("alerts", gmail_account=ACCOUNT, by="ann")
    authorise(over, google, "alerts")
    google.expire_grant(ACCOUNT)
    queue(over)
    with working(over):
        eventually(lambda: over.senders.get("alerts").held == 1)
        authorise(over, google, "alerts")
        google.wait_for_outbox(1, timeout=20)


@pytest.mark.usefixtures("alerts")
def test_a_callers_transaction_may_be_the_poolers(
    over: Mailcore, google: GoogleSandbox, url: str
) -> None:
    """What is queued in it comes with its commit, and goes with its rollback."""
    with psycopg.connect(url, prepare_threshold=None) as connection:
        over.queue_email("alerts", **MAIL, connection=connection)
        connection.rollback()
        over.queue_email("alerts", **{**MAIL, "subject": "kept"}, connection=connection)
    with working(over):
        google.wait_for_outbox(1, timeout=20)
    assert [mail.subject for mail in google.outbox] == ["kept"]


@pytest.mark.usefixtures("alerts")
def test_two_workers_send_nothing_twice(
    over: Mailcore, google: GoogleSandbox, url: str, environment: dict[str, str]
) -> None:
    """Claims are rows, not a session's locks, so a pooler cannot mix them up."""
    subjects = [str(number) for number in range(40)]
    with working(over), worker_process(environment | {"DATABASE_URL": url}):
        for subject in subjects:
            queue(over, subject=subject)
        google.wait_for_outbox(40, timeout=30)
    assert [mail.subject for mail in google.outbox] == subjects

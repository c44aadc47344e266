"""What became of each message, and of each renewal, is counted once."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from mailcore import (
    Mailcore,
    MessageRejected,
    OutcomeUnknown,
    PalEMailError,
    ReauthRequired,
    Sender,
    TemporaryFailure,
)
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import ACCOUNT, authorise, healthy_sender
from tests.support.driving import Tables, at_once
from tests.support.postgres_proxy import RoundTrips, counting
from tests.support.queueing import let_leases_run_out, queue
from tests.support.scraping import messages_of, renewals_of
from tests.support.steps import send, the_delivery

KEY = "disk-2026-11-22"


@pytest.fixture(autouse=True)
def alerts(core: Mailcore, google: GoogleSandbox) -> Sender:
    return healthy_sender(core, google)


@pytest.fixture
def line(database_url: str) -> Iterator[tuple[str, RoundTrips]]:
    with counting(database_url) as through:
        yield through


def drain(core: Mailcore, tables: Tables) -> None:
    """Send what is queued, and what waits for its next try."""
    tables("UPDATE sender SET next_send_at = NULL")
    core.drain.run("alerts", worker="w", stopping=lambda: False)


def test_what_gmail_answered_is_counted(core: Mailcore, google: GoogleSandbox) -> None:
    """Accepted, refused, and perhaps accepted."""
    assert messages_of(core) == {}
    send(core)
    send(core)
    google.fail("send", faults.INVALID_ARGUMENT)
    with pytest.raises(MessageRejected):
        send(core)
    google.fail("send", faults.CLOSE_AFTER)
    with pytest.raises(OutcomeUnknown):
        send(core)
    assert messages_of(core) == {"sent": 2, "failed": 1, "unknown": 1}


def test_tries_are_not_outcomes(core: Mailcore, google: GoogleSandbox, tables: Tables) -> None:
    """A message that is tried three times and then sent counts as sent, whoever sent it."""
    google.fail("send", faults.SERVICE_UNAVAILABLE, times=1)
    send(core)
    google.fail("send", faults.SERVICE_UNAVAILABLE, times=2)
    queue(core)
    for _ in range(2):
        drain(core, tables)
    assert messages_of(core) == {"sent": 1}
    drain(core, tables)
    assert messages_of(core) == {"sent": 2}


def test_mail_that_waits_for_a_re_auth_has_not_failed(
    core: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """What is held is counted when it has gone out; what a caller was refused, at once."""
    google.expire_grant(ACCOUNT)
    queue(core)
    drain(core, tables)
    assert messages_of(core) == {}
    with pytest.raises(ReauthRequired):
        send(core)
    assert messages_of(core) == {"failed": 1}
    authorise(core, google, "alerts")
    drain(core, tables)
    assert messages_of(core) == {"failed": 1, "sent": 1}


def test_mail_that_is_given_up_has_lapsed(
    core: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """Because it expired, or because it was tried for too long."""
    for _ in range(3):
        queue(core, expires_at=datetime.now(UTC) + timedelta(hours=1))
    tables("UPDATE delivery SET expires_at = now()")
    core.upkeep.settle()
    core.upkeep.settle()
    assert messages_of(core) == {"lapsed": 3}
    google.fail("send", faults.SERVICE_UNAVAILABLE, times=2)
    queue(core)
    drain(core, tables)
    tables("UPDATE delivery SET tried_since = now() - interval '1 year'")
    drain(core, tables)
    assert messages_of(core) == {"lapsed": 4}


def test_two_workers_that_tidy_up_at_the_same_time_count_nothing_twice(
    core: Mailcore, tables: Tables
) -> None:
    """Each looks every two seconds, at the same rows."""
    for _ in range(50):
        queue(core, expires_at=datetime.now(UTC) + timedelta(hours=1))
    tables("UPDATE delivery SET expires_at = now()")
    at_once(4, core.upkeep.settle)
    assert messages_of(core) == {"lapsed": 50}
    tables("UPDATE delivery SET status = 'sending', leased_until = now() - interval '1 s'")
    at_once(4, core.upkeep.settle)
    assert messages_of(core) == {"lapsed": 50, "unknown": 50}


def test_mail_of_a_process_that_died_is_unknown(core: Mailcore, tables: Tables) -> None:
    """Unless it is sent again by itself, and then it is not an outcome yet."""
    queue(core)
    queue(core, if_unknown="resend")
    tables("UPDATE delivery SET status = 'sending', leased_until = now() + interval '1 minute'")
    core.upkeep.settle()
    assert messages_of(core) == {}
    let_leases_run_out(tables)
    core.upkeep.settle()
    assert messages_of(core) == {"unknown": 1}


def test_what_a_person_has_sent_again_counts_if_that_changes_it(
    core: Mailcore, google: GoogleSandbox
) -> None:
    """A second failure of the same message is no second failed message."""
    google.fail("send", faults.CLOSE_AFTER)
    with pytest.raises(OutcomeUnknown):
        send(core)
    unknown = the_delivery(core).id
    for fault in (faults.CLOSE_AFTER, faults.INVALID_ARGUMENT):
        google.fail("send", fault)
        with pytest.raises(PalEMailError):
            core.deliveries.retry(unknown, by="ann")
        assert messages_of(core) == {"unknown": 1}
    core.deliveries.retry(unknown, by="ann")
    assert messages_of(core) == {"unknown": 1, "sent": 1}


def test_what_a_person_decides_is_not_counted(core: Mailcore, google: GoogleSandbox) -> None:
    """It says what the person knows, not what Gmail answered."""
    google.fail("send", faults.CLOSE_AFTER, times=2)
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            send(core)
    first, second = core.deliveries.page().deliveries
    core.deliveries.settle_as_sent(first.id, by="ann")
    core.deliveries.discard(second.id, by="ann")
    assert messages_of(core) == {"unknown": 2}


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (None, "sent"),
        (faults.INVALID_ARGUMENT, "failed"),
        (faults.CLOSE_AFTER, "unknown"),
    ],
    ids=["sent", "failed", "unknown"],
)
def test_a_record_whose_answer_is_lost_counts_once(
    core: Mailcore,
    google: GoogleSandbox,
    line: tuple[str, RoundTrips],
    fault: faults.Fault | None,
    outcome: str,
) -> None:
    """Postgres has written it, could not say so, and is asked again."""
    url, trips = line
    with_line = Mailcore(core.settings.model_copy(update={"database_url": SecretStr(url)}))
    trips.lose = b"WITH before" if fault is None else b"COMMIT"
    if fault is not None:
        google.fail("send", fault)
    with suppress(PalEMailError):
        send(with_line)
    assert trips.lose is None
    with_line.close()
    assert messages_of(core) == {outcome: 1}


def test_mail_that_was_not_begun_has_failed(
    core: Mailcore, line: tuple[str, RoundTrips], tables: Tables
) -> None:
    """The intent to send it was recorded, and then the job's time was up."""
    url, trips = line
    job = Mailcore(core.settings.model_copy(update={"database_url": SecretStr(url)}))
    job.senders.get("alerts")  # its connection stands
    trips.freeze(answers_only=True)
    with pytest.raises(TemporaryFailure):
        send(job, timeout=1, idempotency_key=KEY)
    trips.thaw()
    job.close()  # it records what it missed
    assert the_delivery(core).status.value == "failed"
    assert messages_of(core) == {"failed": 1}


def test_renewals_are_counted(core: Mailcore, google: GoogleSandbox) -> None:
    """By what the token endpoint answered: yes, a refusal, or neither."""
    assert renewals_of(core) == {}
    core.check("alerts")
    assert renewals_of(core) == {"renewed": 1}
    google.fail("token", faults.INVALID_CLIENT)
    with pytest.raises(PalEMailError):
        core.check("alerts")
    assert renewals_of(core) == {"renewed": 1, "failed": 1}
    google.fail("token", faults.INVALID_GRANT)
    core.check("alerts")
    core.check("alerts")
    assert renewals_of(core) == {"renewed": 2, "failed": 1, "refused": 1}


def test_many_that_wait_for_one_renewal_count_one(
    core: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """There was one request to Google."""
    tables.make_access_tokens_stale()
    at_once(8, lambda: send(core))
    assert renewals_of(core) == {"renewed": 1}
    assert messages_of(core) == {"sent": 8}


def test_a_renewal_whose_record_is_lost_counts_once(
    core: Mailcore, line: tuple[str, RoundTrips]
) -> None:
    """Postgres has written it, could not say so, and is asked again."""
    url, trips = line
    with_line = Mailcore(core.settings.model_copy(update={"database_url": SecretStr(url)}))
    trips.lose = b"renewed_total"
    with_line.check("alerts")
    assert trips.lose is None
    with_line.close()
    assert renewals_of(core) == {"renewed": 1}

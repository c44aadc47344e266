"""A sender that sends drafts: an unknown outcome settles itself, and nothing goes out twice."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from mailcore import (
    DeliveryStatus,
    Mailcore,
    MessageRejected,
    OutcomeUnknown,
    PermissionMissing,
    SenderStatus,
    TemporaryFailure,
)
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import ACCOUNT, authorise, come_back, healthy_sender
from tests.support.drafting import look_after_drafts, settled
from tests.support.driving import Tables, meanwhile
from tests.support.postgres_proxy import counting
from tests.support.queueing import drain, let_leases_run_out, queue
from tests.support.steps import deliveries, send, the_delivery

COMPOSE = "https://www.googleapis.com/auth/gmail.compose"
#: Gmail may have done it, and its answer says nothing; at the end those that say at least that.
LOST = [
    faults.CLOSE_BEFORE,
    faults.CLOSE_AFTER,
    faults.RESET_AFTER,
    faults.INTERNAL_ERROR,
    faults.BAD_GATEWAY_HTML.after_taking(),
    faults.GATEWAY_TIMEOUT_HTML,
    faults.OK_WITH_HTML,
    faults.OK_WITH_HTML.after_taking(),
    faults.OK_WITH_TRUNCATED_JSON,
    faults.CUT_AFTER,
]


@pytest.fixture
def drafter(core: Mailcore, google: GoogleSandbox) -> str:
    """A sender that sends drafts."""
    return healthy_sender(core, google, use_drafts=True).alias


def left(tables: Tables) -> int:
    """How many drafts are still recorded."""
    [[number]] = tables("SELECT count(*) FROM draft")
    assert isinstance(number, int)
    return number


def test_a_message_is_sent_as_a_draft(
    core: Mailcore, google: GoogleSandbox, drafter: str, tables: Tables
) -> None:
    """Two calls to Gmail; its recipients see no difference, and nothing is left over."""
    sent = send(core)
    queue(core, attachments=[("large.bin", b"x" * 5_000_000)])
    drain(core)
    small, large = google.outbox
    assert (small.gmail_id, small.email["From"]) == (sent.gmail_id, "alerts@example.com")
    assert len(large.raw) > 5_000_000
    assert (google.requests.count("create_draft"), google.requests.sends()) == (2, 2)
    assert google.requests.count("get_draft") == 0
    assert not google.drafts
    assert left(tables) == 0


def test_a_reply_stays_in_its_thread(core: Mailcore, google: GoogleSandbox, drafter: str) -> None:
    """Small and large ones."""
    thread = send(core).thread_id
    send(core, thread_id=thread)
    send(core, thread_id=thread, attachments=[("large.bin", b"x" * 5_000_000)])
    assert {mail.thread_id for mail in google.outbox} == {thread}


def test_the_next_re_auth_asks_for_it(core: Mailcore, google: GoogleSandbox) -> None:
    """Until then messages are sent as before; the sender that needs less is asked for less."""
    healthy_sender(core, google)
    core.senders.set_use_drafts("alerts", True, by="ann")
    send(core)
    assert google.requests.count("create_draft") == 0
    begun = core.authorizations.begin("alerts", by="ann")
    [asked] = parse_qs(urlsplit(begun.url).query)["scope"]
    assert asked.split() == ["openid", "https://www.googleapis.com/auth/userinfo.email", COMPOSE]
    completed = come_back(core, google.consent(begun.url))
    assert COMPOSE in completed.sender.granted_scopes
    send(core)
    assert google.requests.count("create_draft") == 1

    core.senders.set_use_drafts("alerts", False, by="ann")
    send(core)
    assert google.requests.count("create_draft") == 1


def test_a_box_left_unticked_is_named(core: Mailcore, google: GoogleSandbox, drafter: str) -> None:
    begun = core.authorizations.begin(drafter, by="ann")
    with pytest.raises(PermissionMissing, match="manage drafts"):
        come_back(core, google.consent(begun.url, untick=["gmail.compose"]))


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault.name)
@pytest.mark.parametrize("door", ["send", "queue"])
def test_a_lost_answer_is_made_up_for(  # noqa: PLR0917
    core: Mailcore,
    google: GoogleSandbox,
    drafter: str,
    tables: Tables,
    door: str,
    fault: faults.Fault,
) -> None:
    """At once: the draft is looked for, and sent again only if it is still there."""
    for operation in ("create_draft", "send"):
        google.fail(operation, fault)
    if door == "send":
        send(core, timeout=10)
    else:
        queue(core)
        assert settled(core, tables) is DeliveryStatus.SENT
    assert the_delivery(core).status is DeliveryStatus.SENT
    assert len(google.outbox) == 1
    look_after_drafts(core, tables)
    assert not google.drafts
    assert left(tables) == 0


@pytest.mark.parametrize("fault", LOST[:-2], ids=lambda fault: fault.name)
@pytest.mark.parametrize("door", ["send", "queue"])
def test_where_every_answer_is_lost_a_worker_finds_out(  # noqa: PLR0917
    core: Mailcore,
    google: GoogleSandbox,
    drafter: str,
    tables: Tables,
    door: str,
    fault: faults.Fault,
) -> None:
    """A look that fails proves nothing; the caller is told that it will be settled."""
    google.fail("send", fault, times=None)
    google.fail("get_draft", faults.CLOSE_AFTER, times=None)
    if door == "send":
        with pytest.raises(OutcomeUnknown, match="A worker will check") as told:
            send(core, idempotency_key="k")
        assert "Don't send it again" in (told.value.remedy or "")
    else:
        queue(core)
        drain(core)
    assert the_delivery(core).status is DeliveryStatus.UNKNOWN
    look_after_drafts(core, tables)
    assert the_delivery(core).status is DeliveryStatus.UNKNOWN
    google.heal()
    assert settled(core, tables) is DeliveryStatus.SENT
    assert len(google.outbox) == 1
    assert not google.drafts
    assert left(tables) == 0
    if door == "send":
        assert send(core, idempotency_key="k").delivery_id == the_delivery(core).id


def test_it_is_counted_once(
    core: Mailcore, google: GoogleSandbox, drafter: str, tables: Tables
) -> None:
    google.fail("get_draft", faults.CLOSE_BEFORE, times=None)
    google.fail("send", faults.CLOSE_BEFORE)
    with pytest.raises(OutcomeUnknown):
        send(core)
    look_after_drafts(core, tables)
    google.heal()
    look_after_drafts(core, tables)
    [counted] = tables("SELECT sent_total, failed_total, unknown_total FROM sender")
    assert tuple(counted) == (1, 0, 1)


def test_a_job_that_dies_before_it_was_sent(
    core: Mailcore, google: GoogleSandbox, drafter: str, tables: Tables
) -> None:
    """Nothing is sent before its draft is recorded, so it was not; the draft is deleted."""
    with google.hold("create_draft", at="answer") as gate, ThreadPoolExecutor(1) as pool:
        dying = pool.submit(send, core, timeout=3)
        gate.wait_for_arrivals(1)
        let_leases_run_out(tables)
        core.upkeep.settle()
        for _ in range(2):
            look_after_drafts(core, tables)
        assert the_delivery(core).status is DeliveryStatus.FAILED
        gate.release()
        with pytest.raises(TemporaryFailure):
            dying.result()
    assert not google.outbox
    assert not google.drafts


def test_a_job_that_was_frozen_sends_nothing_any_more(
    core: Mailcore, google: GoogleSandbox, drafter: str, tables: Tables
) -> None:
    """By then a worker has said that it was not sent, or somebody has had it sent again."""
    with google.hold("create_draft", at="answer") as gate, ThreadPoolExecutor(1) as pool:
        frozen = pool.submit(send, core, timeout=3)
        gate.wait_for_arrivals(1)
        let_leases_run_out(tables)
        core.upkeep.settle()
        core.left_drafts.run(lambda: False)
        assert the_delivery(core).status is DeliveryStatus.FAILED
        gate.release()
        with pytest.raises(TemporaryFailure):
            frozen.result()
    assert not google.outbox


def test_a_frozen_job_whose_draft_a_worker_has_sent_makes_no_other(
    core: Mailcore, google: GoogleSandbox, drafter: str, tables: Tables
) -> None:
    """That its draft is gone does not mean that somebody has deleted it."""
    with google.hold("send") as gate, ThreadPoolExecutor(1) as pool:
        frozen = pool.submit(send, core, timeout=6)
        gate.wait_for_arrivals(1)
        let_leases_run_out(tables)
        core.upkeep.settle()
        settled_meanwhile = meanwhile(lambda: look_after_drafts(core, tables))
        gate.wait_for_arrivals(2)
        gate.release()
        settled_meanwhile()
        with suppress(TemporaryFailure):
            frozen.result()
    assert the_delivery(core).status is DeliveryStatus.SENT
    assert len(google.outbox) == 1


def test_a_job_that_dies_while_it_is_sent(
    core: Mailcore, google: GoogleSandbox, drafter: str, tables: Tables
) -> None:
    """Nobody has stored its message; the draft says what became of it."""
    with google.hold("send", at="answer") as gate, ThreadPoolExecutor(1) as pool:
        dying = pool.submit(send, core)
        gate.wait_for_arrivals(1)
        let_leases_run_out(tables)
        core.upkeep.settle()
        look_after_drafts(core, tables)
        assert the_delivery(core).status is DeliveryStatus.SENT
        gate.release()
        dying.result()
    assert len(google.outbox) == 1


def test_a_job_that_died_before_gmail_was_told_to_send_it(
    core: Mailcore, google: GoogleSandbox, drafter: str, tables: Tables
) -> None:
    """The draft is there, so a worker sends it, though nobody else has the message."""
    with google.hold("send") as gate, ThreadPoolExecutor(1) as pool:
        dying = pool.submit(send, core)
        gate.wait_for_arrivals(1)
        let_leases_run_out(tables)
        google.stop()
        core.upkeep.settle()
        with pytest.raises(OutcomeUnknown):
            dying.result()
    google.start()
    assert settled(core, tables) is DeliveryStatus.SENT
    assert len(google.outbox) == 1


def test_a_queued_message_whose_worker_died_before_it_was_sent_goes_out(
    core: Mailcore, google: GoogleSandbox, drafter: str, tables: Tables
) -> None:
    """It waits again, and is not for a person to decide on."""
    queue(core)
    with google.hold("create_draft") as gate, ThreadPoolExecutor(1) as pool:
        dying = pool.submit(drain, core)
        gate.wait_for_arrivals(1)
        let_leases_run_out(tables)
        core.upkeep.settle()
        core.left_drafts.run(lambda: False)
        assert the_delivery(core).status is DeliveryStatus.QUEUED
        google.stop()
        dying.result()
    google.start()
    assert settled(core, tables) is DeliveryStatus.SENT
    assert len(google.outbox) == 1


def test_a_draft_that_its_owner_deletes_first_is_made_again(
    core: Mailcore, google: GoogleSandbox, drafter: str
) -> None:
    """Gmail was not told to send it, so it was not sent."""
    with google.hold("send") as gate, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send, core)
        gate.wait_for_arrivals(1)
        google.delete_drafts(ACCOUNT)
        gate.release()
        sending.result()
    assert len(google.outbox) == 1


def test_a_message_that_gmail_rejects_leaves_no_draft(
    core: Mailcore, google: GoogleSandbox, drafter: str, tables: Tables
) -> None:
    google.fail("send", faults.INVALID_ARGUMENT)
    with pytest.raises(MessageRejected):
        send(core)
    assert len(google.drafts) == 1
    google.fail("delete_draft", faults.CLOSE_AFTER)
    for _ in range(2):
        look_after_drafts(core, tables)
    assert not google.drafts
    assert left(tables) == 0


def test_what_a_person_discards_is_not_sent_later(
    core: Mailcore, google: GoogleSandbox, drafter: str, tables: Tables
) -> None:
    google.fail("get_draft", faults.CLOSE_BEFORE, times=None)
    google.fail("send", faults.CLOSE_BEFORE)
    with pytest.raises(OutcomeUnknown):
        send(core)
    core.deliveries.discard(the_delivery(core).id, by="ann")
    google.heal()
    assert settled(core, tables) is DeliveryStatus.DISCARDED
    assert not google.outbox
    assert not google.drafts


def test_a_person_may_be_faster(
    core: Mailcore, google: GoogleSandbox, drafter: str, tables: Tables
) -> None:
    """Send again: it is found that it was sent."""
    google.fail("get_draft", faults.CLOSE_BEFORE, times=None)
    google.fail("send", faults.CLOSE_AFTER)
    with pytest.raises(OutcomeUnknown):
        send(core)
    with pytest.raises(OutcomeUnknown):
        core.deliveries.retry(the_delivery(core).id, by="ann")
    google.heal()
    core.deliveries.retry(the_delivery(core).id, by="ann")
    assert the_delivery(core).status is DeliveryStatus.SENT
    assert len(google.outbox) == 1
    look_after_drafts(core, tables)
    assert left(tables) == 0


def test_what_was_rejected_and_is_sent_again_is_a_new_draft(
    core: Mailcore, google: GoogleSandbox, drafter: str, tables: Tables
) -> None:
    """The old one is deleted at any moment, which does not mean that it was sent."""
    google.fail("send", faults.INVALID_ARGUMENT)
    queue(core)
    drain(core)
    assert the_delivery(core).status is DeliveryStatus.FAILED
    google.delete_drafts(ACCOUNT)
    core.deliveries.retry(the_delivery(core).id, by="ann")
    assert len(google.outbox) == 1
    look_after_drafts(core, tables)
    assert left(tables) == 0


def test_a_paused_sender_sends_no_draft_either(
    core: Mailcore, google: GoogleSandbox, drafter: str, tables: Tables
) -> None:
    google.fail("get_draft", faults.CLOSE_BEFORE, times=None)
    google.fail("send", faults.CLOSE_BEFORE)
    queue(core)
    drain(core)
    google.heal()
    core.queue.pause(drafter, by="ann")
    look_after_drafts(core, tables)
    assert not google.outbox
    core.queue.resume(drafter, by="ann")
    look_after_drafts(core, tables)
    assert len(google.outbox) == 1


def test_what_has_expired_is_left_to_a_person(
    core: Mailcore, google: GoogleSandbox, drafter: str, tables: Tables
) -> None:
    google.fail("get_draft", faults.CLOSE_BEFORE, times=None)
    google.fail("send", faults.CLOSE_BEFORE)
    queue(core)
    drain(core)
    google.heal()
    tables("UPDATE delivery SET expires_at = now() - interval '1 s'")
    assert settled(core, tables) is DeliveryStatus.UNKNOWN
    assert not google.outbox


def test_switched_off_meanwhile(
    core: Mailcore, google: GoogleSandbox, drafter: str, tables: Tables
) -> None:
    """What one attempt sent as a draft says nothing of another that did not."""
    google.fail("create_draft", faults.SERVICE_UNAVAILABLE)
    queue(core)
    drain(core)
    assert the_delivery(core).status is DeliveryStatus.QUEUED
    core.senders.set_use_drafts(drafter, False, by="ann")
    tables("UPDATE sender SET next_send_at = NULL")
    google.fail("send", faults.CLOSE_AFTER)
    drain(core)
    assert settled(core, tables) is DeliveryStatus.UNKNOWN
    assert len(google.outbox) == 1


def test_a_re_auth_that_grants_less_sends_as_before(
    core: Mailcore, google: GoogleSandbox, drafter: str
) -> None:
    """Who has switched it off, re-authorises, and switches it on again, is not locked out."""
    core.senders.set_use_drafts(drafter, False, by="ann")
    authorise(core, google)
    core.senders.set_use_drafts(drafter, True, by="ann")
    send(core)
    assert core.senders.get(drafter).status is SenderStatus.HEALTHY
    assert google.requests.count("create_draft") == 0


def test_nothing_is_sent_that_could_not_be_recorded(
    core: Mailcore, google: GoogleSandbox, drafter: str, tables: Tables
) -> None:
    """A draft whose id nobody knows could not be looked for."""
    with google.hold("create_draft", at="answer") as gate, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send, core, timeout=3)
        gate.wait_for_arrivals(1)
        tables("DELETE FROM draft")
        gate.release()
        with pytest.raises(TemporaryFailure):
            sending.result()
    assert not google.outbox
    assert [row.status for row in deliveries(core)] == [DeliveryStatus.FAILED]


def test_what_it_costs(core: Mailcore, drafter: str, database_url: str) -> None:
    """Three round trips to Postgres more than a message: the draft begun, named and forgotten."""
    with counting(database_url) as (url, trips):
        counted = Mailcore(core.settings.model_copy(update={"database_url": SecretStr(url)}))
        for _ in range(3):  # it learns whose session it has, and prepares its statements
            send(counted)
        before = trips.count
        send(counted)
        assert trips.count - before == 5
        counted.close()

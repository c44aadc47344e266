"""Pausing, holding, releasing, discarding; pace, budget, and giving up."""

from dataclasses import replace

import pytest

from mailcore import DeliveryStatus, InvalidMessage, Mailcore, Settings, WaitsFor
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.driving import Tables
from tests.support.queueing import drain, queue
from tests.support.steps import deliveries, history, send, the_delivery

pytestmark = pytest.mark.usefixtures("alerts")


def test_a_paused_sender_sends_nothing_from_its_queue(
    core: Mailcore, google: GoogleSandbox
) -> None:
    """A person stops it, sees why mail waits, and lets it go on."""
    core.queue.pause("alerts", by="ann@example.com")
    queue(core)
    drain(core)
    assert not core.upkeep.due()
    waiting = the_delivery(core)
    assert (waiting.status, waiting.waits_for) == (DeliveryStatus.HELD, WaitsFor.RESUME)
    assert core.senders.get("alerts").paused_by == "ann@example.com"
    assert core.senders.get("alerts").held == 1
    core.queue.resume("alerts", by="bob@example.com")
    drain(core)
    assert len(google.outbox) == 1
    assert history(core)[-2:] == ["paused", "resumed"]


def test_mail_is_held_released_and_discarded_by_filter(
    core: Mailcore, google: GoogleSandbox
) -> None:
    """Many at once, with a count before the deed; what goes out keeps its order."""
    for subject in ("report 1", "alarm", "report 2", "report 3"):
        queue(core, subject=subject)
    assert core.queue.count("hold", search="report") == 3
    assert core.queue.hold(search="report", by="ann") == 3
    assert core.deliveries.page(status=DeliveryStatus.HELD).matching == 3
    assert core.deliveries.page(status=DeliveryStatus.QUEUED).matching == 1
    drain(core)
    assert [mail.subject for mail in google.outbox] == ["alarm"]
    [second] = core.deliveries.page(search="report 2").deliveries
    assert (second.held_by, second.waits_for) == ("ann", WaitsFor.RELEASE)
    assert core.queue.discard(ids=[second.id], by="ann") == 1
    assert core.queue.release(status=DeliveryStatus.HELD, by="ann") == 2
    drain(core)
    assert [mail.subject for mail in google.outbox] == ["alarm", "report 1", "report 3"]
    assert core.deliveries.get(second.id).status is DeliveryStatus.DISCARDED


def test_a_sender_over_its_budget_waits(core: Mailcore, google: GoogleSandbox) -> None:
    """Past its limit Gmail may take mail and not send it, so it is not tried."""
    core.queue.set_limits(
        "alerts", messages_per_second=None, messages_per_day=2, recipients_per_day=None, by="ann"
    )
    send(core)
    for _ in range(3):
        queue(core)
    drain(core)
    assert len(google.outbox) == 2
    assert not core.upkeep.due()
    assert {row.waits_for for row in deliveries(core)} == {None, WaitsFor.BUDGET}
    forecast = core.queue.forecast("alerts")
    assert (forecast.queued, forecast.messages_left, forecast.waits_for) == (
        2,
        0,
        WaitsFor.BUDGET,
    )


def test_a_sender_that_is_asked_to_slow_down_does(
    core: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """It waits as long as Gmail says, leaves time between messages, and gets faster again."""
    google.fail("send", replace(faults.RATE_LIMIT_EXCEEDED, headers={"Retry-After": "30"}))
    queue(core)
    queue(core)
    drain(core)
    assert google.requests.sends() == 1
    waiting = deliveries(core)[-1]
    assert waiting.status is DeliveryStatus.QUEUED
    assert waiting.waits_for is WaitsFor.TIME
    assert 25 < core.upkeep.due()["alerts"] <= 30
    tables("UPDATE sender SET next_send_at = NULL")
    drain(core)
    assert len(google.outbox) == 1  # the next one in a second
    assert 0 < core.upkeep.due()["alerts"] <= 1
    [(interval,)] = tables("SELECT send_interval FROM sender")
    assert 0 < float(str(interval)) < 1


def test_what_fails_for_a_while_is_tried_again_until_it_lapses(
    core: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """It stays in the queue with growing pauses, and gives up after the set time."""
    google.fail("send", faults.SERVICE_UNAVAILABLE, times=None)
    queue(core)
    for _ in range(3):
        drain(core)
        tables("UPDATE sender SET next_send_at = NULL")
    waiting = the_delivery(core)
    assert (waiting.status, waiting.attempts) == (DeliveryStatus.QUEUED, 3)
    assert waiting.error_code == "temporary_failure"
    tables("UPDATE delivery SET tried_since = now() - interval '3 days 1 second'")
    drain(core)
    assert the_delivery(core).status is DeliveryStatus.LAPSED
    assert the_delivery(core).can_retry
    google.heal()
    tables("UPDATE sender SET next_send_at = NULL")
    assert core.queue.send_again(status=DeliveryStatus.LAPSED, by="ann") == 1
    drain(core)
    assert the_delivery(core).status is DeliveryStatus.SENT


def test_old_rows_are_forgotten_and_open_ones_never(
    core: Mailcore, settings: Settings, tables: Tables
) -> None:
    """History ends after the set time; what a person has yet to see stays."""
    send(core)
    queue(core)
    tables("UPDATE delivery SET created_at = now() - interval '91 days', updated_at = created_at")
    tables("UPDATE delivery SET updated_at = created_at")
    tables("UPDATE sender_event SET at = now() - interval '401 days'")
    while core.upkeep.forget_old():
        pass
    assert the_delivery(core).status is DeliveryStatus.QUEUED
    assert not core.senders.events("alerts")


def test_a_message_that_did_not_go_out_is_kept_for_some_days(
    core: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """Until then a person can have it sent again; afterwards only its row is left."""
    google.fail("send", faults.INVALID_ARGUMENT)
    queue(core)
    drain(core)
    assert the_delivery(core).can_retry
    tables("UPDATE delivery SET updated_at = now() - interval '6 days 23 hours'")
    assert core.upkeep.forget_old() == 0
    tables("UPDATE delivery SET updated_at = now() - interval '7 days 1 minute'")
    assert core.upkeep.forget_old() == 1
    kept = the_delivery(core)
    assert (kept.status, kept.can_retry) == (DeliveryStatus.FAILED, False)
    assert tables("SELECT body FROM delivery") == [(None,)]


def test_a_message_that_cannot_be_completed_is_not_sent_again(
    core: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """It stays as it was: nothing was tried, so nothing is unknown."""
    google.fail("send", faults.INVALID_ARGUMENT)
    queue(core)
    drain(core)
    tables("UPDATE sender SET display_name = %s", "two\nlines")
    with pytest.raises(InvalidMessage):
        core.deliveries.retry(the_delivery(core).id, by="ann")
    assert the_delivery(core).status is DeliveryStatus.FAILED

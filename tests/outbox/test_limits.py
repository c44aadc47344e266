"""A sender's limits: what its budget lets through, and what is said of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailcore import DeliveryStatus, InvalidSender, Mailcore, WaitsFor
from mailcore.sandbox import GoogleSandbox
from tests.support.authorise import ACCOUNT, authorise
from tests.support.driving import Tables
from tests.support.queueing import drain, queue
from tests.support.steps import deliveries, send, the_delivery

pytestmark = pytest.mark.usefixtures("alerts")

TWO = "ann@example.com, bob@example.com"


def limit(core: Mailcore, **given: Any) -> None:
    unlimited = dict.fromkeys(("messages_per_second", "messages_per_day", "recipients_per_day"))
    core.queue.set_limits("alerts", **{**unlimited, **given}, by="ann")


def test_a_message_that_would_exceed_the_recipients_waits(
    core: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """Past its limit Gmail may take mail and not send it, also in the middle of a message."""
    limit(core, recipients_per_day=3)
    queue(core, to=TWO)
    queue(core, to=TWO)
    queue(core)
    drain(core)
    assert len(google.outbox) == 1
    assert not core.upkeep.due()
    assert {row.waits_for for row in deliveries(core)} == {None, WaitsFor.BUDGET}
    tables("UPDATE delivery SET sent_at = sent_at - interval '24 hours'")
    drain(core)
    assert len(google.outbox) == 3


def test_a_message_beyond_the_whole_budget_goes_out_alone(
    core: Mailcore, google: GoogleSandbox
) -> None:
    """It could wait for ever, and everything behind it."""
    limit(core, recipients_per_day=1)
    queue(core, to=TWO)
    drain(core)
    assert len(google.outbox) == 1


def test_filters_and_rows_agree_on_what_is_held(core: Mailcore) -> None:
    """A row that the filter *held* finds is shown as held."""
    limit(core, messages_per_day=1)
    send(core)
    queue(core, send_at=datetime.now(UTC) + timedelta(hours=1))
    for status in (DeliveryStatus.HELD, DeliveryStatus.QUEUED):
        page = core.deliveries.page(status=status)
        assert {row.status for row in page.deliveries} <= {status}


@pytest.mark.parametrize(
    "wrong",
    [
        {"messages_per_second": float("nan")},
        {"messages_per_second": float("inf")},
        {"messages_per_second": 1e-300},
        {"messages_per_day": 10**12},
        {"recipients_per_day": 0},
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused(core: Mailcore, wrong: dict[str, float]) -> None:
    """It is said at once, and stops no queue."""
    with pytest.raises(InvalidSender) as refused:
        limit(core, **wrong)
    assert refused.value.field == next(iter(wrong))


def test_a_re_auth_counts_what_goes_out_now(core: Mailcore, google: GoogleSandbox) -> None:
    """What is queued for later is not among it."""
    google.expire_grant(ACCOUNT)
    queue(core)
    queue(core, send_at=datetime.now(UTC) + timedelta(hours=1))
    assert authorise(core, google).released == 1


def test_a_message_for_later_that_was_held_is_still_for_later(
    core: Mailcore, google: GoogleSandbox
) -> None:
    """Letting go of it does not send it at once; letting go of it once more does."""
    queue(core, send_at=datetime.now(UTC) + timedelta(hours=1))
    core.queue.hold(by="ann")
    core.queue.release(by="ann")
    drain(core)
    assert not google.outbox
    assert the_delivery(core).waits_for is WaitsFor.TIME
    core.queue.release(by="ann")
    drain(core)
    assert len(google.outbox) == 1

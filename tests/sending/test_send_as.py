"""Further addresses of an account: what the admin has given may be in From, and nothing else."""

import asyncio
from email.message import EmailMessage

import psycopg
import pytest

from mailcore import InvalidMessage, InvalidSender, Mailcore, Sender
from mailcore.sandbox import GoogleSandbox
from tests.support.authorise import ACCOUNT
from tests.support.queueing import MAIL, drain, queue
from tests.support.steps import deliveries, send

SHOP = "shop@example.com"


@pytest.fixture
def shop(core: Mailcore, alerts: Sender) -> str:
    """The sender may send as the shop, too."""
    core.senders.update(alerts.alias, send_as=[f" {SHOP} ", ""], by="ann")
    return alerts.alias


def test_from_is_what_was_given(core: Mailcore, google: GoogleSandbox, shop: str) -> None:
    """At once and from the queue; the account itself may be named, too."""
    send(core, from_address=SHOP, from_name="Shop")
    queue(core, from_address=SHOP.upper())
    queue(core, from_address=ACCOUNT)
    drain(core)
    assert [each.email["From"].addresses[0].addr_spec.casefold() for each in google.outbox] == [
        *(SHOP, SHOP, ACCOUNT)
    ]
    assert google.outbox[0].email["From"] == f"Shop <{SHOP}>"


def test_another_one_is_refused_at_once(core: Mailcore, google: GoogleSandbox, shop: str) -> None:
    """Gmail would silently replace it."""
    for call in (send, queue):
        with pytest.raises(InvalidMessage, match=r"may not send as eve@example\.com") as refused:
            call(core, from_address="eve@example.com")
        assert refused.value.field == "from_address"
    assert not google.outbox
    assert all(row.status == "failed" for row in deliveries(core))


def test_one_that_was_taken_away_meanwhile_is_not_used(
    core: Mailcore, google: GoogleSandbox, shop: str
) -> None:
    """The message in the queue fails, and says why."""
    queue(core, from_address=SHOP)
    core.senders.update(shop, send_as=[], by="ann")
    drain(core)
    [row] = deliveries(core)
    assert (row.status, row.error_code) == ("failed", "invalid_message")
    assert SHOP in str(row.error_text)
    assert not google.outbox


def test_a_whole_message_keeps_its_from(core: Mailcore, google: GoogleSandbox, shop: str) -> None:
    """And gets no Reply-To."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = f"Shop <{SHOP}>", "ann@example.com", "s"
    message.set_content("t")
    core.queue_message(shop, message)
    drain(core)
    [arrived] = google.outbox
    assert (arrived.email["From"], arrived.email["Reply-To"]) == (f"Shop <{SHOP}>", None)


def test_the_audit_trail_has_it(core: Mailcore, shop: str) -> None:
    """And what is no address is refused."""
    assert core.senders.get(shop).send_as == (SHOP,)
    assert core.senders.events(shop)[0].detail == f"send_as: {SHOP}"
    with pytest.raises(InvalidSender) as refused:
        core.senders.update(shop, display_name="Shop", send_as=["nobody"], by="ann")
    assert refused.value.field == "send_as"


def test_asyncio_goes_on_while_the_addresses_are_asked_for(
    core: Mailcore, shop: str, database_url: str
) -> None:
    """Whoever holds the table may be waiting for the very loop that asks."""

    async def queue_while_it_is_held() -> str:
        holder = await psycopg.AsyncConnection.connect(database_url)
        await holder.execute("LOCK TABLE sender IN ACCESS EXCLUSIVE MODE")
        async with await psycopg.AsyncConnection.connect(database_url) as own:
            queueing = core.aqueue_email(shop, connection=own, **MAIL, from_address=SHOP)
            queued, _ = await asyncio.gather(queueing, holder.close())
            with pytest.raises(InvalidMessage):
                await core.aqueue_email(shop, connection=own, **MAIL, from_address="e@example.com")
        return queued.delivery_id

    delivery_id = asyncio.run(queue_while_it_is_held())
    assert [row.id for row in deliveries(core)] == [delivery_id]

"""Queueing: refused at once, part of the caller's transaction, and in nobody's way."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlmodel import Session

from mailcore import (
    ConfigurationError,
    InvalidMessage,
    Mailcore,
    SenderNotFound,
    WaitsFor,
)
from mailcore.sandbox import GoogleSandbox
from tests.support.queueing import MAIL, drain, queue
from tests.support.steps import deliveries, send, the_delivery

pytestmark = pytest.mark.usefixtures("alerts")


def sqlalchemy_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://")


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": "nobody"},
        {"send_at": datetime(2030, 1, 1)},  # noqa: DTZ001 - that is what is wrong
        {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)},
        {"if_unknown": "perhaps"},
        {"idempotency_key": ""},
    ],
)
def test_bad_input_fails_in_the_callers_hands(core: Mailcore, wrong: dict[str, Any]) -> None:
    """A job is told now, not by a row that failed an hour later."""
    with pytest.raises(InvalidMessage) as refused:
        queue(core, **wrong)
    assert refused.value.field in wrong
    assert not deliveries(core)


def test_an_unknown_sender_is_refused(core: Mailcore) -> None:
    """A typo in the alias is told at once."""
    with pytest.raises(SenderNotFound):
        queue(core, alias="alarms")


def test_it_is_part_of_psycopgs_transaction(core: Mailcore, database_url: str) -> None:
    """Mail if and only if the caller commits."""
    with psycopg.connect(database_url) as connection:
        queue(core, connection=connection)
        assert not deliveries(core)
        connection.rollback()
        assert not deliveries(core)
        queue(core, connection=connection, subject="committed")
    assert the_delivery(core).subject == "committed"
    assert the_delivery(core).waits_for is WaitsFor.TURN


def test_it_is_part_of_sqlalchemys_transaction(core: Mailcore, database_url: str) -> None:
    """The same with a Session or a Connection."""
    engine = create_engine(sqlalchemy_url(database_url))
    with Session(engine) as session:
        queue(core, connection=session)
        session.rollback()
        queue(core, connection=session, subject="session")
        session.commit()
    with engine.begin() as connection:
        queue(core, connection=connection, subject="connection")
    engine.dispose()
    assert [row.subject for row in deliveries(core)] == ["connection", "session"]


def test_it_is_part_of_an_asynchronous_transaction(core: Mailcore, database_url: str) -> None:
    """The same for asyncio, with psycopg's and SQLAlchemy's."""

    async def run() -> None:
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            await core.aqueue_email("alerts", connection=connection, **MAIL)
            await connection.rollback()
        engine = create_async_engine(sqlalchemy_url(database_url))
        async with AsyncSession(engine) as session:
            await core.aqueue_email("alerts", connection=session, **MAIL)
            await session.commit()
        await engine.dispose()
        await core.aqueue_email("alerts", **MAIL)

    asyncio.run(run())
    assert len(deliveries(core)) == 2


def test_something_else_than_a_connection_is_refused(core: Mailcore) -> None:
    """It says what it wants, rather than queue outside of the transaction."""
    with pytest.raises(TypeError, match="psycopg"):
        queue(core, connection=object())


def test_a_connection_to_another_database_says_so(core: Mailcore, empty_database_url: str) -> None:
    """The tables are not there, and the error says where they should be."""
    with (
        psycopg.connect(empty_database_url) as connection,
        pytest.raises(ConfigurationError, match="DATABASE_URL"),
    ):
        queue(core, connection=connection)


def test_two_open_transactions_do_not_wait_for_each_other(
    core: Mailcore, database_url: str
) -> None:
    """A slow transaction holds up nobody who queues for, or sends through, the same sender."""
    with psycopg.connect(database_url) as slow, psycopg.connect(database_url) as quick:
        quick.execute("SET lock_timeout = '200ms'")
        quick.commit()
        queue(core, connection=slow)
        queue(core, connection=quick)
        quick.commit()
        send(core)
        slow.commit()
    assert len(deliveries(core)) == 3


def test_a_key_queues_once(core: Mailcore, google: GoogleSandbox) -> None:
    """The second call is told how far the first message has come."""
    first = queue(core, idempotency_key="k")
    assert queue(core, idempotency_key="k", subject="other") == first
    sent = send(core, idempotency_key="k2")
    second = queue(core, idempotency_key="k2")
    assert (second.delivery_id, second.status.value) == (sent.delivery_id, "sent")
    assert len(google.outbox) == 1


def test_messages_of_one_transaction_keep_their_order(
    core: Mailcore, google: GoogleSandbox, database_url: str
) -> None:
    """They are queued in one moment, and go out in the order of the calls."""
    with psycopg.connect(database_url) as connection:
        for number in range(20):
            queue(core, connection=connection, subject=str(number))
    drain(core)
    assert [mail.subject for mail in google.outbox] == [str(number) for number in range(20)]
    assert google.outbox[0].email["From"] == "alerts@example.com"


def test_it_waits_until_send_at(core: Mailcore, google: GoogleSandbox) -> None:
    """What is for later does not go out now, and holds nothing up that is for now."""
    later = datetime.now(UTC) + timedelta(hours=1)
    queue(core, subject="later", send_at=later)
    queue(core, subject="now")
    drain(core)
    assert [mail.subject for mail in google.outbox] == ["now"]
    assert {row.subject: row.waits_for for row in deliveries(core)} == {
        "later": WaitsFor.TIME,
        "now": None,
    }
    assert 3500 < core.upkeep.due()["alerts"] <= 3600

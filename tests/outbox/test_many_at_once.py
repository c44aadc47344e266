"""Changes of many messages at once, by several people at the same time."""

from collections.abc import Callable

import psycopg
import pytest

from mailcore import Mailcore
from tests.support.driving import Tables, eventually, meanwhile
from tests.support.queueing import queue

pytestmark = pytest.mark.usefixtures("alerts")

_WAITING = "SELECT pid FROM pg_locks WHERE locktype = %s AND NOT granted"


@pytest.mark.parametrize(
    "second",
    [
        lambda core: core.queue.discard(by="bob"),
        lambda core: core.senders.delete("alerts", by="bob", keep_grant=True),
    ],
)
def test_the_second_one_begins_when_the_first_is_done(
    core: Mailcore, database_url: str, tables: Tables, second: Callable[[Mailcore], object]
) -> None:
    """Else each might hold messages that the other one waits for."""
    for _ in range(3):
        queue(core)
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT FROM delivery ORDER BY send_at DESC LIMIT 1 FOR UPDATE")
        holding = meanwhile(lambda: core.queue.hold(by="ann"))
        eventually(lambda: bool(tables(_WAITING, "transactionid")))
        changing = meanwhile(lambda: second(core))
        eventually(lambda: bool(tables(_WAITING, "advisory")))
    assert holding() == 3
    changing()
    assert {row[0] for row in tables("SELECT status FROM delivery")} == {"discarded"}

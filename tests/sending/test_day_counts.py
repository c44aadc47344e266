"""How many messages several senders sent on each day: the numbers behind the overview's bars."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from mailcore import DatabaseUnavailable, Mailcore
from tests.support.driving import Tables


@pytest.fixture
def busy(core: Mailcore, authorised: str, tables: Tables) -> str:
    """A sender with three messages today, one of which failed, and one long ago."""
    for number in range(4):
        core.send_email(authorised, to="ops@example.com", subject=str(number), text="…")
    tables("UPDATE delivery SET status = 'failed' WHERE subject = '1'")
    tables("UPDATE delivery SET created_at = now() - interval '40 days' WHERE subject = '3'")
    return authorised


def test_days_are_counted_for_each_sender(core: Mailcore, busy: str) -> None:
    """Those asked for, and only the days on which something was done."""
    core.senders.register("quiet", by="test")
    counts = core.deliveries.per_day_of((busy, "quiet", "unknown"), days=30, timeout=5)
    [today] = counts.pop(busy)
    assert (today.sent, today.failed, today.unknown) == (2, 1, 0)
    assert today.day == datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert not counts


def test_a_picture_makes_nobody_wait(core: Mailcore, busy: str, database_url: str) -> None:
    """Counting ends in time, whatever holds it up."""
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE delivery")
        with pytest.raises(DatabaseUnavailable):
            core.deliveries.per_day_of((busy,), timeout=0.5)


def test_grants_that_end_together_are_counted_together(
    core: Mailcore, authorised: str, tables: Tables
) -> None:
    """Ten thousand are not read one by one; what Google has refused is not ahead."""
    tables("UPDATE sender SET grant_expires_at = '2099-01-01 10:07Z'")
    core.senders.register("expired", by="test")
    tables(
        "UPDATE sender SET status = 'expired', grant_expires_at = '2099-01-01 10:08Z'"
        " WHERE alias = 'expired'"
    )
    far = datetime(2099, 1, 2, tzinfo=UTC) - datetime.now(UTC)
    [end] = core.senders.ends_ahead(far)
    assert (end.at, end.count) == (datetime(2099, 1, 1, 10, 0, tzinfo=UTC), 1)
    assert not core.senders.ends_ahead(timedelta(days=14))
    assert authorised

"""Searching a log that has become long."""

import pytest

from mailcore import Mailcore, SearchTooSlow
from tests.support.driving import Tables, eventually


def put(tables: Tables, count: int) -> None:
    tables(
        "INSERT INTO delivery (id, alias, recipients, subject, message_id, status, attempts,"
        " created_at, updated_at)"
        " SELECT gen_random_uuid(), 'alerts', '{a@example.com}', 'Report ' || n, 'm', 'sent', 1,"
        " now() - n * interval '1 second', now() FROM generate_series(1, %s) AS n",
        count,
    )


def test_a_search_ends_in_time(core: Mailcore, tables: Tables) -> None:
    """A search that takes too long ends at the database, too, and says what to do."""
    put(tables, 100)
    tables("UPDATE delivery SET subject = repeat('abcdefghi ', 200000)")
    with pytest.raises(SearchTooSlow, match="Narrow the search"):
        core.deliveries.page(search="disk", timeout=0.2)
    eventually(
        lambda: (
            not tables(
                "SELECT query FROM pg_stat_activity WHERE datname = current_database()"
                " AND state = 'active' AND pid <> pg_backend_pid()"
            )
        ),
        seconds=5,
    )


@pytest.mark.parametrize(
    ("search", "offset", "shown", "matching"),
    [
        ("", 0, 25, 60),
        ("", 50, 10, 60),
        ("", 75, 0, 60),
        ("report 1", 0, 11, 11),
        ("report 1", 25, 0, 11),
        ("nothing", 0, 0, 0),
    ],
)
def test_every_page_tells_how_many_match(  # noqa: PLR0917 - pytest passes them by name
    core: Mailcore, tables: Tables, search: str, offset: int, shown: int, matching: int
) -> None:
    """On the first page, the last one, and beyond it."""
    put(tables, 60)
    page = core.deliveries.page(search=search, offset=offset)
    assert (len(page.deliveries), page.matching) == (shown, matching)

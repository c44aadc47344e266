"""The senders page's data: search, filters, order, totals, and what it costs."""

import pytest
from sqlalchemy import event

from mailcore import Mailcore, SenderStatus
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.driving import Tables


def aliases(core: Mailcore, **arguments: object) -> list[str]:
    return [sender.alias for sender in core.senders.page(**arguments).senders]  # type: ignore[arg-type]


def register_all(core: Mailcore, tables: Tables) -> None:
    """One sender in each condition, named after it."""
    for alias, status, hours in [
        ("healthy", "healthy", "150"),
        ("unlimited", "healthy", None),
        ("expiring", "healthy", "47"),
        ("overdue", "healthy", "-1"),
        ("expired", "expired", "10"),
        ("blocked", "blocked", "10"),
        ("pending", "pending", None),
    ]:
        core.senders.register(alias, by="t")
        tables(
            "UPDATE sender SET status = %s, grant_expires_at = now() + %s::interval"
            " WHERE alias = %s",
            status,
            hours and f"{hours} hours",
            alias,
        )


def test_those_who_need_a_person_come_first(core: Mailcore, tables: Tables) -> None:
    """Expired, blocked, expiring, never authorised, and last those that are well."""
    register_all(core, tables)
    page = core.senders.page()
    assert [sender.alias for sender in page.senders] == [
        "expired",
        "blocked",
        "expiring",
        "overdue",
        "pending",
        "healthy",
        "unlimited",
    ]
    assert {sender.alias for sender in page.senders if sender.expiring} == {"expiring", "overdue"}
    assert all(core.senders.get(sender.alias) == sender for sender in page.senders)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (SenderStatus.HEALTHY, ["healthy", "unlimited"]),
        (SenderStatus.EXPIRED, ["expired"]),
        (SenderStatus.BLOCKED, ["blocked"]),
        (SenderStatus.PENDING, ["pending"]),
        ("expiring", ["expiring", "overdue"]),
        ("due", ["expired", "expiring", "overdue"]),
    ],
)
def test_filters(core: Mailcore, tables: Tables, status: str, expected: list[str]) -> None:
    """A click on a total shows just those; the totals themselves stay those of all."""
    register_all(core, tables)
    page = core.senders.page(status=status)  # type: ignore[arg-type]
    assert [sender.alias for sender in page.senders] == expected
    assert page.matching == len(expected)
    totals = page.totals
    assert (totals.healthy, totals.expiring, totals.expired, totals.blocked, totals.pending) == (
        4,
        2,
        1,
        1,
        1,
    )
    assert totals.all == 7


def test_search_looks_everywhere_in_any_case(core: Mailcore) -> None:
    """Alias, account, name and project; blanks around are no matter."""
    core.senders.register("one", gmail_account="Needle@example.com", by="t")
    core.senders.register("two", display_name="The NEEDLE", by="t")
    core.senders.register("three", project="needles", by="t")
    core.senders.register("needle-4", by="t")
    core.senders.register("five", by="t")
    assert set(aliases(core, search=" needle ")) == {"one", "two", "three", "needle-4"}
    assert aliases(core, search="nobody") == []
    assert len(aliases(core, search="  ")) == 5


@pytest.mark.parametrize("sign", ["%", "_", "\\", "'", '"', "%%", "\\%", "a_b", "100%"])
def test_search_takes_signs_as_they_are(core: Mailcore, sign: str) -> None:
    """Nothing that people type is read as a pattern."""
    core.senders.register("with", project=f"x{sign}y", by="t")
    core.senders.register("without", project="x-y aXb 100 percent", by="t")
    assert aliases(core, search=sign) == ["with"]


def test_search_for_what_cannot_be_stored(core: Mailcore) -> None:
    """A NUL in the address bar is no traceback."""
    core.senders.register("alerts", by="t")
    core.senders.page(search="\0")


def test_pages_hold_together(core: Mailcore, tables: Tables) -> None:
    """Going through the pages shows each sender once, grouped by project."""
    tables(
        "INSERT INTO sender (alias, project, generation, status, status_changed_at,"
        " granted_scopes, created_at, updated_at) SELECT 'sender-' || n,"
        " (array['b', 'a', NULL])[1 + n %% 3], 0, 'pending', now(), '{}', now(), now()"
        " FROM generate_series(1, 60) AS n"
    )
    seen = [
        sender for start in (0, 25, 50, 75) for sender in core.senders.page(offset=start).senders
    ]
    assert len(seen) == len({sender.alias for sender in seen}) == 60
    assert [sender.project for sender in seen] == ["a"] * 20 + ["b"] * 20 + [None] * 20
    beyond = core.senders.page(offset=100)
    assert (beyond.senders, beyond.matching, beyond.totals.all, beyond.projects) == ((), 60, 60, 2)


def test_an_empty_list_has_its_zeros(core: Mailcore) -> None:
    """The empty state is told by the same page."""
    page = core.senders.page()
    assert (page.senders, page.matching, page.totals.all, page.projects, page.problem) == (
        (),
        0,
        0,
        0,
        None,
    )


def test_ten_thousand_senders_take_one_query(core: Mailcore, tables: Tables) -> None:
    """However many there are, the list is one statement."""
    tables(
        "INSERT INTO sender (alias, gmail_account, generation, status, status_changed_at,"
        " granted_scopes, created_at, updated_at)"
        " SELECT 'sender-' || n, 'account-' || n || '@example.com', 1, 'healthy', now(), '{}',"
        " now(), now() FROM generate_series(1, 10000) AS n"
    )
    tables(
        "INSERT INTO delivery (id, alias, recipients, subject, message_id, status, attempts,"
        " created_at, updated_at) SELECT gen_random_uuid(), 'sender-' || n, '{}', 's', 'm',"
        " 'queued', 0, now(), now() FROM generate_series(1, 2000) AS n"
    )
    tables("ANALYZE")
    statements: list[str] = []
    core.senders.page()
    event.listen(
        core._database.engine, "before_cursor_execute", lambda *args: statements.append(args[2])
    )
    page = core.senders.page(search="account-1234@")
    assert len(statements) == 1
    assert [(sender.alias, sender.queued) for sender in page.senders] == [("sender-1234", 1)]
    assert page.totals.all == 10_000


def test_open_questions_are_counted(core: Mailcore, authorised: str, tables: Tables) -> None:
    """Mail that may or may not have gone out shows with its sender, and for all of them.

    So does mail whose process died in mid-send, before anybody asked for it.
    """
    tables(
        "INSERT INTO delivery (id, alias, recipients, subject, message_id, status, attempts,"
        " leased_until, created_at, updated_at)"
        " SELECT gen_random_uuid(), alias, '{}', 's', 'm', d.status, 1, leased, now(), now()"
        " FROM sender, (VALUES ('unknown', NULL), ('sent', NULL), ('queued', NULL),"
        " ('sending', now() - interval '1 s'), ('sending', now() + interval '1 h'))"
        " AS d (status, leased)"
    )
    tables("UPDATE delivery SET alias = 'deleted-since' WHERE status = 'sent'")
    tables("UPDATE delivery SET status = 'unknown' WHERE alias = 'deleted-since'")
    page = core.senders.page()
    assert [(sender.queued, sender.unknown) for sender in page.senders] == [(1, 2)]
    assert core.senders.get(authorised) == page.senders[0]
    assert page.unknown == 3


def test_trouble_with_the_project_is_one_banner(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """A refused client shows once for all, moves no sender, and goes when a send works again."""
    google.fail("token", faults.INVALID_CLIENT)
    tables.make_access_tokens_stale()
    with pytest.raises(Exception, match="not sender"):
        core.access_token(authorised)

    page = core.senders.page()
    assert page.problem is not None
    assert (page.problem.code, page.problem.alias) == ("configuration", authorised)
    assert page.totals.healthy == 1

    core.access_token(authorised)
    assert core.senders.page().problem is None

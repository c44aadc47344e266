"""The words on the page: what a person reads about a sender."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from admin_ui import markup, wording
from mailcore import DeliveryStatus, Sender, SenderStatus

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)


def sender(**changes: object) -> Sender:
    healthy = Sender(
        alias="alerts",
        gmail_account="alerts@example.com",
        display_name=None,
        project=None,
        status=SenderStatus.HEALTHY,
        status_reason=None,
        status_changed_at=NOW,
        generation=1,
        granted_scopes=(),
        grant_issued_at=NOW - timedelta(days=4),
        grant_expires_at=NOW + timedelta(days=3, hours=2),
        expiring=False,
        last_refreshed_at=None,
        last_sent_at=None,
        last_error_code=None,
        last_error_text=None,
        last_error_at=None,
        has_own_client=False,
        held=0,
        unknown=0,
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(healthy, **changes)  # type: ignore[arg-type]


def expired(*, age: timedelta, noticed: timedelta, announced: timedelta | None) -> Sender:
    """A sender whose grant was given `age` ago and found dead `noticed` ago."""
    issued = NOW - age
    return sender(
        status=SenderStatus.EXPIRED,
        status_changed_at=NOW - noticed,
        grant_issued_at=issued,
        grant_expires_at=issued + announced if announced else None,
    )


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=5), "less than 1 min"),
        (timedelta(seconds=60), "1 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=23, minutes=59), "23 h"),
        (timedelta(hours=33, minutes=20), "33 h"),
        (timedelta(hours=47, minutes=59), "47 h"),
        (timedelta(days=2), "2 d"),
        (timedelta(days=400), "400 d"),
    ],
)
def test_lengths_of_time_are_rounded_down_to_one_unit(length: timedelta, words: str) -> None:
    """Nobody is told that a grant holds longer than it does."""
    assert wording.span(length) == words


@pytest.mark.parametrize(
    ("first", "rest"),
    [
        ("Google refuses it (invalid_grant: Token has been revoked.).", " Re-authorise it."),
        ("Google refuses it (disabled: It is off. Switch it on. Wait.).", " Check the client."),
        ("Nobody answered (odd", ""),
        ("smtp.example.com did not answer", ""),
        ("", ""),
    ],
)
def test_a_row_tells_the_whole_first_sentence(first: str, rest: str) -> None:
    """What is wrong stands there in full, with what Google said, and without the remedy."""
    assert wording.first_sentence(first + rest) == first


def test_the_countdown_of_a_healthy_sender() -> None:
    """The row counts down to the announced end."""
    assert wording.countdown(sender(), NOW) == "expires in 3 d"


def test_no_end_is_claimed_where_none_is_known() -> None:
    """Published projects' grants have no end: none is made up."""
    assert wording.countdown(sender(grant_expires_at=None), NOW) == "no end known"


def test_a_new_sender_was_never_authorised() -> None:
    """A pending sender is told from a broken one."""
    new = sender(status=SenderStatus.PENDING, grant_issued_at=None, grant_expires_at=None)
    assert wording.countdown(new, NOW) == "never authorised"


@pytest.mark.parametrize(
    ("gone", "testing"),
    [
        (expired(age=WEEK + 2 * HOUR, noticed=2 * HOUR, announced=WEEK), True),
        (expired(age=30 * WEEK, noticed=29 * WEEK, announced=WEEK), True),
        (expired(age=3 * WEEK, noticed=2 * WEEK - HOUR, announced=None), True),
        (expired(age=timedelta(days=3), noticed=2 * HOUR, announced=WEEK), False),
        (expired(age=timedelta(days=3), noticed=2 * HOUR, announced=None), False),
        (expired(age=8 * WEEK, noticed=2 * HOUR, announced=None), False),
        (expired(age=91 * timedelta(days=1), noticed=HOUR, announced=90 * WEEK / 7), False),
    ],
    ids=[
        "announced end passed",
        "noticed much later",
        "no end recorded, found dead at a week",
        "younger than announced",
        "young",
        "old and without an end",
        "ended as announced, but after 90 days",
    ],
)
def test_a_grant_that_died_at_seven_days_names_testing(gone: Sender, *, testing: bool) -> None:
    """The likely cause is named: the project in Testing, or a password or revocation."""
    line = wording.countdown(gone, NOW)
    assert ("Testing" in line) is testing
    assert ("password changed or access revoked" in line) is not testing
    assert ("Publish app" in (wording.remedy(gone) or "")) is testing


def test_a_grant_without_a_permission_asks_to_tick_every_box() -> None:
    """What Google said counts: neither a changed password nor the grant's age is blamed."""
    gone = replace(
        expired(age=WEEK + 2 * HOUR, noticed=2 * HOUR, announced=WEEK),
        last_error_code="scope_missing",
    )
    assert "permission to send is missing" in wording.countdown(gone, NOW)
    assert "tick every box" in (wording.remedy(gone) or "")
    assert "password" not in (wording.remedy(gone) or "")


def test_an_expiring_grant_of_a_week_already_shows_the_way_out() -> None:
    """Who is about to renew for the third time is told how to end that."""
    soon = sender(
        expiring=True, grant_issued_at=NOW - WEEK + 30 * HOUR, grant_expires_at=NOW + 30 * HOUR
    )
    assert wording.sender_badge(soon).word == "Expiring"
    assert "Publish app" in (wording.remedy(soon) or "")


def test_every_state_has_a_word_an_icon_and_a_colour_of_its_own() -> None:
    """No state is told by colour alone, and no two look alike."""
    badges = [wording.status_badge(status) for status in SenderStatus] + [wording.EXPIRING]
    for attribute in ("word", "icon", "color"):
        assert len({getattr(badge, attribute) for badge in badges}) == len(badges)
    outcomes = [wording.delivery_badge(status) for status in DeliveryStatus]
    assert len({badge.word for badge in outcomes}) == len(DeliveryStatus)


def test_a_blocked_sender_tells_what_to_do() -> None:
    """A re-auth does not mend it, and is not asked for."""
    blocked = sender(status=SenderStatus.BLOCKED, status_reason="Have *Gmail* switched on.")
    assert wording.remedy(blocked) == r"Have \*Gmail\* switched on\."
    assert not wording.renewable(blocked)


def test_text_of_others_is_never_taken_for_markup() -> None:
    """Every mark is escaped; the browser test looks at what becomes of it."""
    text = markup.escaped("[x](http://e.com) ![y](z) :red[hi] `c` <b> a@b.c *d* _e_")
    ours = re.compile(r":small\[[@:.]\]")
    assert not re.findall(r"(?<!\\)[`<>!()*_\[\]]", ours.sub("", text))

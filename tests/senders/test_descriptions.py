"""What the page and the command line say about a sender's grant and its history."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mailcore import (
    AuditEvent,
    Sender,
    SenderStatus,
    describe_duration,
    describe_event,
    describe_grant,
)
from tests.support.sender_values import HOUR, NOW, WEEK, expired, sender


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=5), "less than 1 min"),
        (timedelta(seconds=60), "1 min"),
        (timedelta(minutes=59, seconds=10), "59 min"),
        (timedelta(minutes=59, seconds=59), "1 h"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=23, minutes=59), "24 h"),
        (timedelta(hours=33, minutes=20), "33 h"),
        (timedelta(hours=47, minutes=20), "47 h"),
        (timedelta(hours=47, minutes=59), "2 d"),
        (timedelta(days=2), "2 d"),
        (timedelta(days=6, hours=23, minutes=59), "7 d"),
        (timedelta(days=400), "400 d"),
    ],
)
def test_lengths_of_time_are_rounded_down_to_one_unit(length: timedelta, words: str) -> None:
    """Nobody is told that a grant holds longer than it does."""
    assert describe_duration(length) == words


def test_the_countdown_of_a_healthy_sender() -> None:
    """The row counts down to the announced end."""
    assert describe_grant(sender(), NOW) == "expires in 3 d"


def test_no_end_is_claimed_where_none_is_known() -> None:
    """Published projects' grants have no end: none is made up."""
    assert describe_grant(sender(grant_expires_at=None), NOW) == "no expiry date"


def test_a_new_sender_was_never_authorised() -> None:
    """A pending sender is told from a broken one."""
    new = sender(status=SenderStatus.PENDING, grant_issued_at=None, grant_expires_at=None)
    assert describe_grant(new, NOW) == "never authorised"


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
    line = describe_grant(gone, NOW)
    assert ("Testing" in line) is testing
    assert ("password probably changed, or access revoked" in line) is not testing


def test_a_missing_permission_is_told_from_an_old_grant() -> None:
    """What Google said counts: neither a changed password nor the grant's age is blamed."""
    gone = replace(
        expired(age=WEEK + 2 * HOUR, noticed=2 * HOUR, announced=WEEK),
        last_error_code="scope_missing",
    )
    assert "permission to send is missing" in describe_grant(gone, NOW)


def test_an_entry_of_the_history_has_a_title() -> None:
    """Every event has its own; one that a newer version wrote is shown as it is."""
    titles = [describe_event(each) for each in AuditEvent]
    assert len(set(titles)) == len(AuditEvent)
    assert all(title[0].isupper() for title in titles)
    assert describe_event("reauth refused") == "Re-auth failed"
    assert describe_event("something new") == "something new"

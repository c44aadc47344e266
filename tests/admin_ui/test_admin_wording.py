"""The words on the page: what a person reads about a sender."""

import re
from dataclasses import replace
from datetime import timedelta

from admin_ui import markup, wording
from mailcore import DeliveryStatus, SenderStatus
from tests.support.sender_values import HOUR, NOW, WEEK, expired, sender


def test_an_expired_sender_gets_the_remedy_of_its_likely_cause() -> None:
    """Testing's limit leads out of Testing, a missing permission to the boxes."""
    testing = expired(age=WEEK + 2 * HOUR, noticed=2 * HOUR, announced=WEEK)
    assert "Publish app" in (wording.remedy(testing) or "")
    unticked = wording.remedy(replace(testing, last_error_code="scope_missing")) or ""
    assert "tick every box" in unticked
    assert "password" not in unticked
    young = expired(age=timedelta(days=3), noticed=HOUR, announced=WEEK)
    assert "consent again" in (wording.remedy(young) or "")


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
    """A re-auth does not fix it, and is not asked for."""
    blocked = sender(status=SenderStatus.BLOCKED, status_reason="Google refuses the account.")
    assert "Re-authorising doesn't help" in (wording.remedy(blocked) or "")
    assert not wording.renewable(blocked)


def test_text_of_others_is_never_taken_for_markup() -> None:
    """Every mark is escaped; the browser test looks at what becomes of it."""
    text = markup.escaped("[x](http://e.com) ![y](z) :red[hi] `c` <b> a@b.c *d* _e_")
    ours = re.compile(r":small\[[@:.]\]")
    assert not re.findall(r"(?<!\\)[`<>!()*_\[\]]", ours.sub("", text))

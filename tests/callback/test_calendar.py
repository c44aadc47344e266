"""The calendar of grants' ends: what it says, to whom, and what it keeps to itself."""

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from icalendar import Calendar, Event

from callback.api_keys import REFUSAL_PAUSE
from callback.calendar import MOST_A_DAY
from mailcore import Mailcore, Settings
from mailcore.sandbox import GoogleSandbox
from tests.callback.browsing import served
from tests.support.authorise import ACCOUNT, authorise
from tests.support.driving import Tables

ADMIN = "a" * 40
CALENDAR = "c" * 40
BILLING = "b" * 40
WIDER = "w" * 40
READER = "r" * 40
KEYS = Settings(
    api_keys=f"boss:{ADMIN},ann/calendar:{CALENDAR},bob/calendar/billing-*:{BILLING},"
    f"wide/calendar+read:{WIDER},reader/read:{READER}"
).api_keys


@pytest.fixture
def serving(settings: Settings) -> Iterator[Mailcore]:
    with served(settings.model_copy(update={"api_keys": KEYS})) as core:
        yield core


def get(core: Mailcore, key: str | None = CALENDAR, **headers: str) -> httpx2.Response:
    address = f"{core.settings.public_url}/senders/calendar.ics"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.get(address, params={"key": key} if key else {}, headers=named)


def events(core: Mailcore, key: str = CALENDAR) -> list[Event]:
    """What a calendar program reads."""
    answer = get(core, key)
    assert answer.status_code == 200
    return list(Calendar.from_ical(answer.text).events)


def ending(tables: Tables, *ends: tuple[str, str | None, datetime]) -> None:
    """Make healthy senders of projects, whose grants end at a time."""
    for alias, project, at in ends:
        tables(
            "INSERT INTO sender (alias, project, generation, status, status_changed_at,"
            " grant_expires_at, granted_scopes, created_at, updated_at)"
            " VALUES (%s, %s, 1, 'healthy', now(), %s, '{}', now(), now())",
            alias,
            project,
            at,
        )


def test_a_grants_end_is_an_event(serving: Mailcore, google: GoogleSandbox) -> None:
    """At its minute, with the sender, its account, and the way to the senders page."""
    serving.senders.register("alerts", gmail_account=ACCOUNT, project="ops", by="t")
    authorise(serving, google)
    serving.senders.register("never-authorised", by="t")
    sender = serving.senders.get("alerts")
    assert sender.grant_expires_at is not None

    answer = get(serving)
    [event] = events(serving)

    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert event.start == sender.grant_expires_at.replace(microsecond=0)
    assert event.summary == "alerts: Gmail permission ends"
    assert ACCOUNT in event.description
    assert f"{serving.settings.public_url}/" in event.description
    assert event.stamp == sender.updated_at.replace(microsecond=0)
    assert event.sequence == 0
    assert not event.alarms.times
    for secret in [*google.secrets, CALENDAR]:
        assert secret not in answer.text


def test_a_new_grant_is_another_event(
    serving: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """While a grant lasts its event stays the same one; a renewed one takes its place."""
    serving.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    authorise(serving, google)
    [first] = events(serving)
    serving.senders.update("alerts", project="ops", by="t")
    [changed] = events(serving)
    tables("UPDATE sender SET grant_expires_at = grant_expires_at - interval '6 days'")
    authorise(serving, google)
    [renewed] = events(serving)

    assert changed.uid == first.uid
    assert changed.stamp >= first.stamp
    assert renewed.uid != first.uid
    assert renewed.start > datetime.now(UTC) + timedelta(days=6)


def test_what_ended_at_its_time_stays_and_what_was_refused_before_goes(
    serving: Mailcore, tables: Tables
) -> None:
    """Whoever looks at today sees what has ended; no future day tells of what is long over."""
    today = datetime.now(UTC)
    ending(
        tables,
        ("ended", None, today - timedelta(hours=1)),
        ("revoked", None, today + timedelta(days=3)),
        ("deleted", None, today + timedelta(days=3)),
    )
    tables("UPDATE sender SET status = 'expired' WHERE alias IN ('ended', 'revoked')")
    serving.senders.delete("deleted", by="t")

    assert [event.summary for event in events(serving)] == ["ended: Gmail permission ends"]


def test_many_of_a_project_on_one_day_are_one_event(serving: Mailcore, tables: Tables) -> None:
    """Ten are ten events, eleven are one; other projects and days keep theirs."""
    noon = datetime(2027, 3, 4, 12, tzinfo=UTC)
    ending(
        tables,
        *((f"a-{n}", "büro; und, so", noon + timedelta(minutes=n)) for n in range(MOST_A_DAY + 1)),
        *((f"b-{n}", "billing", noon) for n in range(MOST_A_DAY)),
        ("late", "büro; und, so", noon + timedelta(days=1)),
    )

    read = events(serving)
    [together] = [event for event in read if "permissions" in event.summary]

    assert len(read) == 1 + MOST_A_DAY + 1
    assert together.summary == "büro; und, so: 11 Gmail permissions end"
    assert together.start == noon
    assert "a-0, a-1" in together.description
    assert "and 1 more" in together.description
    assert len({event.uid for event in read}) == len(read)


def test_a_key_for_some_senders_shows_only_those(serving: Mailcore, tables: Tables) -> None:
    """Nothing tells that there are others."""
    soon = datetime.now(UTC) + timedelta(days=1)
    ending(tables, ("billing-eu", "x", soon), ("alerts", "x", soon))

    assert [event.summary for event in events(serving, BILLING)] == [
        "billing-eu: Gmail permission ends"
    ]


@pytest.mark.parametrize("key", [ADMIN, WIDER, READER])
def test_a_key_that_can_do_more_is_refused_in_an_address(serving: Mailcore, key: str) -> None:
    """An admin who puts a powerful key into a calendar hears of it before it leaks."""
    answer = get(serving, key)

    assert answer.status_code == 403
    assert answer.json()["code"] == "insufficient_scope"
    assert "calendar, and no other" in answer.json()["detail"]
    assert key not in answer.text


def test_the_calendars_key_opens_nothing_else(serving: Mailcore) -> None:
    """Neither in an address nor in a header."""
    senders = f"{serving.settings.public_url}/senders"
    headers = {"Authorization": f"Bearer {CALENDAR}"}

    assert httpx2.get(senders, headers=headers).status_code == 403
    assert httpx2.get(senders, params={"key": CALENDAR}).status_code == 401


def test_a_wrong_key_is_slow_and_counted(
    serving: Mailcore, caplog: pytest.LogCaptureFixture
) -> None:
    """As everywhere; and a missing one is told where it goes."""
    with caplog.at_level(logging.WARNING, "callback.api_keys"):
        began = time.monotonic()
        wrong = get(serving, "guess-" * 9)
        took = time.monotonic() - began
    missing = get(serving, None)

    assert (wrong.status_code, missing.status_code) == (401, 401)
    assert took >= REFUSAL_PAUSE
    assert "(1 since the start)" in caplog.text
    assert "guess-" not in caplog.text + wrong.text
    assert "?key=" in missing.json()["detail"]


def test_the_key_stays_out_of_the_log_and_is_named_to_no_other_site(
    serving: Mailcore, caplog: pytest.LogCaptureFixture
) -> None:
    """Of the address, uvicorn's log keeps only the path; browsers send no referrer from it."""
    with caplog.at_level(logging.DEBUG):
        answers = [get(serving), get(serving, ADMIN), get(serving, "guess-" * 9)]

    lines = [record.getMessage() for record in caplog.records if record.name == "uvicorn.access"]
    assert sum("GET /senders/calendar.ics HTTP" in line for line in lines) == 3
    ours = [record for record in caplog.records if not record.name.startswith("http")]
    for record in ours:
        for key in (CALENDAR, ADMIN, "guess-"):
            assert key not in record.getMessage()
    for answer in answers:
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert answers[0].headers["cache-control"].startswith("private")


def test_an_unchanged_calendar_is_not_sent_again(serving: Mailcore, tables: Tables) -> None:
    """Calendar programs look every hour; most of the time there is nothing new."""
    ending(tables, ("alerts", None, datetime.now(UTC) + timedelta(days=1)))
    first = get(serving)

    again = get(serving, if_none_match=first.headers["etag"])
    tables("UPDATE sender SET grant_expires_at = grant_expires_at + interval '1 day'")
    changed = get(serving, if_none_match=first.headers["etag"])

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert changed.status_code == 200


def test_a_sender_of_that_name_from_before_still_works(serving: Mailcore, tables: Tables) -> None:
    """The name is reserved now; a sender that has it can be looked at and deleted."""
    ending(tables, ("calendar.ics", None, datetime.now(UTC) + timedelta(days=1)))
    address = f"{serving.settings.public_url}/senders/calendar.ics"
    headers = {"Authorization": f"Bearer {ADMIN}"}

    assert httpx2.get(address, headers=headers).json()["alias"] == "calendar.ics"
    assert len(events(serving)) == 1
    assert httpx2.post(f"{address}/auth", headers=headers).status_code == 200
    assert httpx2.delete(address, headers=headers).status_code == 200
    refused = httpx2.post(
        f"{serving.settings.public_url}/senders", json={"alias": "calendar.ics"}, headers=headers
    )
    assert refused.status_code == 422

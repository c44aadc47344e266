"""How long a sender's queue waits after an attempt in vain."""

from dataclasses import replace

import pytest

from mailcore import DeliveryStatus, Mailcore
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import authorise
from tests.support.driving import Tables, meanwhile
from tests.support.queueing import drain, queue
from tests.support.steps import the_delivery

pytestmark = pytest.mark.usefixtures("alerts")


def let_time_pass(tables: Tables, seconds: float) -> None:
    """As if so much time had passed, and the pause were over."""
    tables("UPDATE delivery SET tried_since = tried_since - %s * interval '1 second'", str(seconds))
    tables("UPDATE sender SET next_send_at = NULL")


def pause(core: Mailcore) -> float:
    """Seconds until the next attempt."""
    return core.upkeep.due()["alerts"]


@pytest.mark.parametrize("fault", [faults.TEMPORARILY_UNAVAILABLE, faults.INVALID_CLIENT])
def test_they_grow_where_gmail_is_not_even_asked(
    core: Mailcore, google: GoogleSandbox, tables: Tables, fault: faults.Fault
) -> None:
    """A token endpoint that is down for days is not asked every second."""
    tables.make_access_tokens_stale()
    google.fail("token", fault, times=None)
    queue(core)
    drain(core)
    assert 0 < pause(core) <= 1
    let_time_pass(tables, 60)
    drain(core)
    assert 29 < pause(core) <= 60
    let_time_pass(tables, 86_400)
    drain(core)
    assert 440 < pause(core) <= 900
    assert the_delivery(core).status is DeliveryStatus.QUEUED


@pytest.mark.parametrize("asked", ["0", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_one_that_is_over_already_is_no_reason_to_hurry(
    core: Mailcore, google: GoogleSandbox, asked: str
) -> None:
    """Clocks disagree, and proxies say 0: it is not asked again and again without a pause."""
    fault = replace(faults.SERVICE_UNAVAILABLE, headers={"Retry-After": asked})
    google.fail("send", fault, times=None)
    queue(core)
    drain(core)
    assert google.requests.sends() == 1
    assert 0 < pause(core) <= 1


def test_one_without_an_end_is_cut(core: Mailcore, google: GoogleSandbox) -> None:
    """A broken answer cannot stop a sender for years."""
    asked = {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}
    google.fail("send", replace(faults.RATE_LIMIT_EXCEEDED, headers=asked))
    queue(core)
    drain(core)
    assert pause(core) <= 86_400


def test_one_of_the_old_grant_does_not_outlast_a_re_auth(
    core: Mailcore, google: GoogleSandbox
) -> None:
    """An attempt that began before it, and ends after it, keeps nothing from going out."""
    asked = {"Retry-After": "600"}
    google.fail("send", replace(faults.SERVICE_UNAVAILABLE, headers=asked))
    queue(core)
    with google.hold("send", at="answer") as gate:
        slow = meanwhile(lambda: drain(core))
        gate.wait_for_arrivals(1)
        authorise(core, google)
    slow()
    drain(core)
    assert the_delivery(core).status is DeliveryStatus.SENT


def test_waiting_for_a_key_is_not_trying(core: Mailcore, tables: Tables) -> None:
    """A message that nobody could open for days is not given up at its first attempt."""
    queue(core)
    [(body,)] = tables("SELECT body FROM delivery")
    tables("UPDATE delivery SET body = 'sealed 00000000 x'")
    drain(core)
    assert the_delivery(core).error_code == "configuration"
    assert tables("SELECT tried_since FROM delivery") == [(None,)]
    tables("UPDATE delivery SET body = %s", body)
    tables("UPDATE sender SET next_send_at = NULL")
    drain(core)
    assert the_delivery(core).status is DeliveryStatus.SENT


def test_a_refusal_that_shows_nowhere_is_not_met_over_and_over(
    core: Mailcore, tables: Tables
) -> None:
    """A sender that counts as healthy, and has no grant to speak of, makes no busy loop."""
    tables.make_access_tokens_stale()
    tables(
        "UPDATE sender SET token_json = (token_json::jsonb || '{\"refresh_token\": null}')::text"
    )
    queue(core)
    drain(core)
    assert the_delivery(core).error_code == "reauth_required"
    assert 0 < pause(core) <= 1

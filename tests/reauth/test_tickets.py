"""Tickets: a link in an alert, or for the mailbox's owner, that works until it is done."""

from datetime import timedelta

import pytest

from mailcore import (
    Authorization,
    ConfigurationError,
    ConsentDenied,
    LinkExpired,
    LinkInvalid,
    LinkUsed,
    Mailcore,
    Settings,
    TicketState,
    now,
)
from mailcore.sandbox import GoogleSandbox
from tests.support.authorise import ACCOUNT, authorise, come_back, query
from tests.support.driving import Tables, at_once


def issue(core: Mailcore) -> str:
    url = core.tickets.issue("alerts", by="ann@example.com").url
    assert url is not None
    return url.rpartition("/")[2]


def test_a_ticket_leads_to_the_callback_for_72_hours(core: Mailcore, authorised: str) -> None:
    """It names the sender and its account, and the audit trail names who handed it out."""
    ticket = core.tickets.issue(authorised, by="ann@example.com")
    assert ticket.url is not None
    assert ticket.url.startswith("http://localhost:8501/senders/reauth/")
    assert len(ticket.url.rpartition("/")[2]) == 43  # 256 bits
    assert (ticket.alias, ticket.gmail_account) == (authorised, ACCOUNT)
    assert timedelta(hours=71) < ticket.expires_at - now() <= timedelta(hours=72)
    line = core.senders.events(authorised)[0]
    assert (line.what, line.who) == ("ticket issued", "ann@example.com")


def test_looking_at_a_ticket_does_not_use_it_up(core: Mailcore, authorised: str) -> None:
    """A chat program's link preview leaves it good, and starts nothing."""
    ticket = issue(core)
    for _ in range(3):
        seen = core.tickets.inspect(ticket)
    assert (seen.alias, seen.gmail_account, seen.url) == (authorised, ACCOUNT, None)
    assert core.tickets.redeem(ticket).alias == authorised


def test_a_ticket_begins_a_reauth(core: Mailcore, google: GoogleSandbox, authorised: str) -> None:
    """For that very mailbox; the audit trail shows the way it came."""
    begun = core.tickets.redeem(issue(core))
    assert query(begun.url)["login_hint"] == ACCOUNT
    done = come_back(core, google.consent(begun.url))
    assert done.sender.generation == 2
    assert done.requested_by == "ticket from ann@example.com"


def test_a_cancel_at_google_leaves_the_ticket_good(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """Whoever was refused, or closed the page, opens the same link again, and is done."""
    issued = core.tickets.issue(authorised, by="ann@example.com")
    ticket = str(issued.url).rpartition("/")[2]
    assert core.tickets.progress(issued.id).state is TicketState.UNOPENED
    core.tickets.redeem(ticket)
    assert core.tickets.progress(issued.id).state is TicketState.OPENED
    with pytest.raises(ConsentDenied):
        come_back(core, google.consent(core.tickets.redeem(ticket).url, cancel=True))
    progress = core.tickets.progress(issued.id)
    assert (progress.state, progress.code) == (TicketState.REFUSED, ConsentDenied.code)

    come_back(core, google.consent(core.tickets.redeem(ticket).url))
    assert core.tickets.progress(issued.id).state is TicketState.DONE
    for call in (core.tickets.redeem, core.tickets.inspect):
        with pytest.raises(LinkUsed) as caught:
            call(ticket)
        assert caught.value.alias == authorised


def test_another_re_auth_ends_a_ticket(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """What it was for is done, and whoever issued it sees that."""
    issued = core.tickets.issue(authorised, by="ann@example.com")
    authorise(core, google)
    assert core.tickets.progress(issued.id).state is TicketState.ENDED
    with pytest.raises(LinkUsed):
        core.tickets.redeem(str(issued.url).rpartition("/")[2])


def test_a_ticket_can_be_tried_thirty_times(core: Mailcore, authorised: str) -> None:
    """Whoever has a link cannot fill the database with it, not even in parallel."""
    ticket = issue(core)
    outcomes = [outcome for _ in range(4) for outcome in at_once(8, lambda: redeem(core, ticket))]
    assert sum(isinstance(each, Authorization) for each in outcomes) == 30
    assert sum(isinstance(each, LinkUsed) for each in outcomes) == 2


def redeem(core: Mailcore, ticket: str) -> Authorization:
    return core.tickets.redeem(ticket)


def test_the_same_secret_is_the_same_ticket(
    core: Mailcore, authorised: str, tables: Tables
) -> None:
    """An alert that is tried again has the same link, and leaves one line in the trail."""
    secret = "s" * 43
    issued = at_once(4, lambda: core.tickets.issue(authorised, by="alert", secret=secret))
    assert len({str(each) for each in issued}) == 1
    assert tables("SELECT count(*) FROM reauth_ticket") == [(1,)]
    trail = [line.what for line in core.senders.events(authorised)]
    assert trail.count("ticket issued") == 1


def test_an_old_ticket_is_refused(core: Mailcore, authorised: str, tables: Tables) -> None:
    """After 72 hours, the page says to ask for another."""
    ticket = issue(core)
    tables("UPDATE reauth_ticket SET expires_at = now()")
    for call in (core.tickets.redeem, core.tickets.inspect):
        with pytest.raises(LinkExpired, match="Ask the admin"):
            call(ticket)


@pytest.mark.parametrize("ticket", ["", "forged", "a\0b", "é"])
def test_a_forged_ticket_is_refused(core: Mailcore, authorised: str, ticket: str) -> None:
    """Nobody was given it."""
    issue(core)
    for call in (core.tickets.redeem, core.tickets.inspect):
        with pytest.raises(LinkInvalid):
            call(ticket)


def test_a_deleted_senders_ticket_is_worthless(core: Mailcore, authorised: str) -> None:
    """Even when a sender of that name is registered anew."""
    ticket = issue(core)
    core.senders.delete(authorised, by="t")
    core.senders.register(authorised, by="t")
    with pytest.raises(LinkInvalid):
        core.tickets.redeem(ticket)


def test_a_ticket_that_could_not_be_served_stays_good(
    core: Mailcore, settings: Settings, authorised: str
) -> None:
    """The set-up was broken when the owner clicked: the link works once it is mended."""
    ticket = issue(core)
    without = {"google_client_id": None, "google_client_secret": None}
    broken = Mailcore(settings.model_copy(update=without))
    with pytest.raises(ConfigurationError):
        broken.tickets.redeem(ticket)
    broken.close()
    assert core.tickets.redeem(ticket)

"""Links that are open at the same time: what ends them, and how often a refusal offers another."""

from datetime import timedelta

import pytest

from mailcore import (
    Authorization,
    AuthorizationOutcome,
    InvalidSender,
    LinkExpired,
    LinkUsed,
    Mailcore,
    now,
)
from mailcore.sandbox import GoogleSandbox
from tests.support.authorise import ACCOUNT, authorise, come_back, query
from tests.support.driving import Tables


def issue(core: Mailcore, alias: str = "alerts", *, any_mailbox: bool = False) -> str:
    url = core.tickets.issue(alias, by="ann@example.com", any_mailbox=any_mailbox).url
    assert url is not None
    return url.rpartition("/")[2]


def refuse(core: Mailcore, begun: Authorization) -> str:
    """Press Cancel at Google; return the refused re-auth's id."""
    state = query(begun.url)["state"]
    with pytest.raises(Exception, match="was not given") as caught:
        come_back(core, f"http://x/?state={state}&error=access_denied")
    assert getattr(caught.value, "authorization_id", None) == begun.id
    return begun.id


def test_a_completed_reauth_ends_every_other_link(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """A link forgotten in a chat cannot be used weeks, or a minute, after the sender is fine."""
    ticket = issue(core)
    other = core.authorizations.begin(authorised, by="bob@example.com")
    back = google.consent(other.url)
    authorise(core, google)

    with pytest.raises(LinkUsed, match="has been re-authorised"):
        core.tickets.redeem(ticket)
    with pytest.raises(LinkUsed, match="through another link"):
        come_back(core, back)
    progress = core.authorizations.progress(other.id)
    assert progress.outcome is AuthorizationOutcome.EXPIRED
    assert core.senders.get(authorised).generation == 2


def test_links_of_other_senders_stay_open(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """A sender's success is its own."""
    core.senders.register("other", gmail_account="billing@example.com", by="t")
    ticket = issue(core, "other")
    authorise(core, google)
    assert core.tickets.redeem(ticket).alias == "other"


def test_a_refusal_offers_three_fresh_links(core: Mailcore, authorised: str) -> None:
    """Whoever has a link cannot go on for ever with it."""
    refused = refuse(core, core.tickets.redeem(issue(core)))
    for _ in range(3):
        again = core.authorizations.begin_again(refused, choose_account=True)
        refused = refuse(core, again)
    with pytest.raises(LinkUsed, match="cannot be started again"):
        core.authorizations.begin_again(refused, choose_account=True)


def test_a_fresh_link_ends_with_its_ticket(core: Mailcore, authorised: str, tables: Tables) -> None:
    """72 hours are 72 hours, however often Google was cancelled in between."""
    refused = refuse(core, core.tickets.redeem(issue(core)))
    tables("UPDATE reauth_ticket SET expires_at = now() + interval '1 minute'")
    again = core.authorizations.begin_again(refused, choose_account=False)
    assert again.expires_at - now() < timedelta(minutes=1)
    refused = refuse(core, again)
    tables("UPDATE reauth_ticket SET expires_at = now()")
    with pytest.raises(LinkExpired):
        core.authorizations.begin_again(refused, choose_account=False)


def test_a_refusal_after_anothers_success_offers_nothing(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """The sender is fine: the person who pressed Cancel need not try again."""
    refused = refuse(core, core.authorizations.begin(authorised, by="bob@example.com"))
    authorise(core, google)
    with pytest.raises(LinkUsed, match="through another link"):
        core.authorizations.begin_again(refused, choose_account=False)


def test_a_ticket_for_an_unknown_account_has_to_be_wanted(
    core: Mailcore, google: GoogleSandbox
) -> None:
    """A leaked link would capture the sender; the history says who allowed it, and what came."""
    core.senders.register("alerts", by="t")
    with pytest.raises(InvalidSender, match="not known yet") as caught:
        core.tickets.issue("alerts", by="ann@example.com")
    assert caught.value.field == "gmail_account"

    begun = core.tickets.redeem(issue(core, any_mailbox=True))
    assert core.senders.events("alerts")[0].detail == "for any mailbox"
    come_back(core, google.consent(begun.url, ACCOUNT))
    offered = core.senders.events("alerts")[0]
    assert (offered.what, offered.detail) == ("account offered", ACCOUNT)

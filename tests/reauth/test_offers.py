"""A link that leaked before the sender's mailbox was known: what its finder gains by it."""

from typing import Any
from uuid import uuid4

import pytest

from mailcore import InvalidSender, Mailcore, ReauthRequired, SenderStatus, WrongAccount
from mailcore.sandbox import GoogleSandbox
from tests.support.authorise import ACCOUNT, authorise, come_back
from tests.support.driving import Tables

MALLORY = "mallory@example.com"
ADMIN = "ann@example.com"
MAIL: Any = {"to": "ops@example.com", "subject": "s", "text": "t"}


def brought(core: Mailcore, google: GoogleSandbox, account: str) -> None:
    """Somebody opens a link for any mailbox, and consents with an account."""
    if account not in google.accounts:
        google.add_account(account)
    url = core.tickets.issue("alerts", by=ADMIN, any_mailbox=True).url
    assert url is not None
    begun = core.tickets.redeem(url.rpartition("/")[2])
    come_back(core, google.consent(begun.url, account))


@pytest.fixture
def sender(core: Mailcore) -> str:
    core.senders.register("alerts", by="t")
    return "alerts"


def test_nothing_is_sent_from_an_account_before_an_admin_confirms_it(
    core: Mailcore, google: GoogleSandbox, sender: str, tables: Tables
) -> None:
    """Whoever finds the link gets no mail of ours; the admin sees whose mailbox it would be."""
    tables(
        "INSERT INTO delivery (id, alias, recipients, subject, message_id, status, attempts,"
        " created_at, updated_at)"
        " VALUES (%s, 'alerts', '{a@example.com}', 's', 'm', 'queued', 0, now(), now())",
        uuid4(),
    )
    brought(core, google, MALLORY)

    waiting = core.senders.get(sender)
    assert (waiting.status, waiting.gmail_account) == (SenderStatus.PENDING, None)
    assert waiting.offered_account == MALLORY
    assert MALLORY in str(waiting.status_reason)
    for use in (lambda: core.send_email(sender, **MAIL), lambda: core.access_token(sender)):
        with pytest.raises(ReauthRequired):
            use()
    assert core.senders.get(sender).held == 1
    assert len(google.outbox) == 0
    line = core.senders.events(sender)[0]
    assert (line.what, line.who, line.detail) == (
        "account offered",
        f"ticket from {ADMIN}",
        MALLORY,
    )


def test_once_confirmed_it_is_the_senders(
    core: Mailcore, google: GoogleSandbox, sender: str
) -> None:
    """Jobs send, and the history names the account and who confirmed it."""
    brought(core, google, ACCOUNT)
    confirmed = core.offers.confirm(sender, ACCOUNT, by=ADMIN)
    assert (confirmed.status, confirmed.gmail_account) == (SenderStatus.HEALTHY, ACCOUNT)
    assert (confirmed.offered_account, confirmed.status_reason) == (None, None)
    assert confirmed.grant_expires_at is not None
    core.send_email(sender, **MAIL)
    assert google.outbox[0].account == ACCOUNT
    line = core.senders.events(sender)[0]
    assert (line.what, line.who) == ("reauthorized", ADMIN)
    assert ACCOUNT in str(line.detail)


def test_a_rejected_account_leaves_nothing(
    core: Mailcore, google: GoogleSandbox, sender: str, tables: Tables
) -> None:
    """The sender is as it was, and the right owner can still be asked."""
    brought(core, google, MALLORY)
    rejected = core.offers.reject(sender, MALLORY, by=ADMIN)
    assert (rejected.offered_account, rejected.status_reason) == (None, None)
    assert tables("SELECT offered_grant_json FROM sender") == [(None,)]
    with pytest.raises(InvalidSender, match="is not waiting to be confirmed"):
        core.offers.confirm(sender, MALLORY, by=ADMIN)
    brought(core, google, ACCOUNT)
    assert core.offers.confirm(sender, ACCOUNT, by=ADMIN).status is SenderStatus.HEALTHY


def test_an_admin_confirms_what_they_have_seen(
    core: Mailcore, google: GoogleSandbox, sender: str, tables: Tables
) -> None:
    """Another account that slips in at the last moment is not the one that was confirmed."""
    brought(core, google, ACCOUNT)
    brought(core, google, MALLORY)
    with pytest.raises(InvalidSender, match="another account may have replaced it"):
        core.offers.confirm(sender, ACCOUNT, by=ADMIN)
    tables("UPDATE sender SET offered_account = %s", ACCOUNT)
    with pytest.raises(InvalidSender):
        core.offers.confirm(sender, ACCOUNT, by=ADMIN)
    assert core.senders.get(sender).gmail_account is None


def test_an_account_that_the_admin_enters_goes_before(
    core: Mailcore, google: GoogleSandbox, sender: str
) -> None:
    """What was brought meanwhile cannot take its place."""
    brought(core, google, MALLORY)
    core.senders.update(sender, gmail_account=ACCOUNT, by=ADMIN)
    with pytest.raises(WrongAccount):
        core.offers.confirm(sender, MALLORY, by=ADMIN)
    authorise(core, google)
    assert core.senders.get(sender).offered_account is None

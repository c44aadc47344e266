"""*Renew all due* with a limit: who is asked, in which order, and that it ends."""

from datetime import UTC, datetime, timedelta

import pytest

from mailcore import Authorization, ConsentDenied, Mailcore, RenewalWalk, SenderStatus, now
from mailcore.sandbox import GoogleSandbox
from tests.support.authorise import authorise, come_back
from tests.support.driving import Tables

#: Each sender's days until its grant ends.
DAYS = {"mon": 0.5, "tue": 1.5, "wed": 2.5, "thu": 3.5, "fri": 4.5, "sat": 5.5, "sun": 6.5}


@pytest.fixture
def week(core: Mailcore, google: GoogleSandbox, tables: Tables) -> None:
    """Seven senders of one project, authorised on seven days; and one of another."""
    for alias, days in {**DAYS, "other": 3.0}.items():
        account = f"{alias}@example.com"
        google.add_account(account)
        project = "billing" if alias in DAYS else "ops"
        core.senders.register(alias, gmail_account=account, project=project, by="t")
        authorise(core, google, alias)
        left = timedelta(days=days)
        tables(
            "UPDATE sender SET grant_issued_at = now() + %s - interval '7 days',"
            " grant_expires_at = now() + %s WHERE alias = %s",
            left,
            left,
            alias,
        )
    tables("UPDATE authorization_request SET consumed_at = consumed_at - interval '7 days'")


def within(days: float, project: str | None = None) -> RenewalWalk:
    return RenewalWalk(ends_before=now() + timedelta(days=days), project=project)


def due(core: Mailcore, walk: RenewalWalk) -> list[str]:
    return [sender.alias for sender in core.senders.page(walk=walk).senders]


def walked(core: Mailcore, google: GoogleSandbox, walk: RenewalWalk) -> list[str]:
    """Consent to one after another until none is offered; return their order."""
    seen = []
    begun = core.authorizations.next_due(by="t", walk=walk)
    while begun is not None:
        seen.append(begun.alias)
        assert len(seen) <= 2 * len(DAYS), f"it never ends: {seen}"
        done = come_back(core, google.consent(begun.url))
        begun = core.authorizations.next_due(by=done.requested_by, walk=done.walk)
    return seen


@pytest.mark.usefixtures("week")
def test_the_grants_of_a_project_end_together_afterwards(
    core: Mailcore, google: GoogleSandbox
) -> None:
    """Seven consents in a row: from then on there is one day a week for all of them.

    The new grants end within the eight days, too: none is asked twice.
    """
    seen = walked(core, google, within(8, "billing"))

    ends = [core.senders.get(alias).grant_expires_at for alias in DAYS]
    assert sorted(seen) == sorted(DAYS)
    known = [end for end in ends if end is not None]
    assert max(known) - min(known) < timedelta(hours=1)
    assert min(known) > now() + timedelta(days=6.9)
    other = core.senders.get("other").grant_expires_at
    assert other is not None
    assert other < now() + timedelta(days=3)


@pytest.mark.usefixtures("week")
def test_the_limit_is_the_admins_choice(core: Mailcore, tables: Tables) -> None:
    """By default 48 hours; an expired sender is always in; one that cannot be renewed is not."""
    assert due(core, RenewalWalk()) == ["mon", "tue"]
    assert set(due(core, within(4))) == {"mon", "tue", "wed", "thu", "other"}
    assert due(core, within(4, "ops")) == ["other"]
    assert due(core, within(4, "nobody's")) == []
    tables("UPDATE sender SET status = 'expired' WHERE alias = 'sun'")
    tables("UPDATE sender SET status = 'blocked' WHERE alias = 'mon'")
    tables("UPDATE sender SET grant_expires_at = NULL WHERE alias = 'tue'")
    assert due(core, RenewalWalk()) == ["sun"]
    assert set(due(core, within(4, "billing"))) == {"sun", "wed", "thu"}


@pytest.mark.usefixtures("week")
def test_whoever_was_renewed_in_another_way_meanwhile_is_done(
    core: Mailcore, google: GoogleSandbox
) -> None:
    """A mailbox's owner came first, by a link of theirs: then it is done."""
    authorise(core, google, "mon")
    walk = within(8, "billing")
    assert "mon" in due(core, walk)
    authorise(core, google, "tue")
    assert "tue" not in due(core, walk)
    assert len(due(core, walk)) == 6


@pytest.mark.usefixtures("week")
def test_google_keeping_to_the_old_grant_does_not_keep_the_walk_going(
    core: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """A consent that moved no end is still one that was given: it is not asked for again."""
    walk = within(1)
    begun = core.authorizations.next_due(by="t", walk=walk)
    assert begun is not None
    come_back(core, google.consent(begun.url))
    tables("UPDATE sender SET grant_expires_at = now() + interval '1 hour' WHERE alias = 'mon'")

    assert core.authorizations.next_due(by="t", walk=walk) is None


@pytest.mark.usefixtures("week")
def test_refused_ones_come_last_and_in_turn(core: Mailcore, google: GoogleSandbox) -> None:
    """Two that cannot be renewed today hold up nobody, and take turns when only they are left."""
    walk = within(8, "billing")

    def refuse(begun: Authorization | None) -> str:
        assert begun is not None
        with pytest.raises(ConsentDenied):
            come_back(core, google.consent(begun.url, cancel=True))
        return begun.alias

    def following() -> Authorization | None:
        return core.authorizations.next_due(by="t", walk=walk)

    refused = [refuse(following()), refuse(following())]
    for _ in range(5):
        begun = following()
        assert begun is not None
        assert begun.alias not in refused
        come_back(core, google.consent(begun.url))

    assert refuse(following()) == refused[0]
    assert refuse(following()) == refused[1]
    assert refuse(following()) == refused[0]
    assert core.authorizations.next_due(by="t", walk=walk, again=False) is None
    assert core.senders.get(refused[0]).status is SenderStatus.HEALTHY


@pytest.mark.usefixtures("week")
def test_a_walk_of_the_version_before_goes_on(
    core: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """The update came between two consents."""
    begun = core.authorizations.next_due(by="t")
    assert begun is not None
    tables("UPDATE authorization_request SET renewing_since = NULL WHERE renewing_all")

    done = come_back(core, google.consent(begun.url))

    assert done.walk is not None
    assert due(core, done.walk) == ["tue"]


def test_nobody_is_asked_where_no_end_is_near(core: Mailcore) -> None:
    """A pending sender has nothing that ends."""
    core.senders.register("new", by="t")
    far = RenewalWalk(ends_before=datetime(9999, 1, 1, tzinfo=UTC))
    assert core.authorizations.next_due(by="t", walk=far) is None


@pytest.mark.usefixtures("week")
def test_projects_are_named_once_in_order(core: Mailcore) -> None:
    """Whoever chooses one finds it."""
    core.senders.register("alone", by="t")
    assert core.senders.projects() == ("billing", "ops")

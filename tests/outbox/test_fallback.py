"""Mail that may go out through another sender, once its own has not been able to for a while."""

import pytest

from mailcore import InvalidSender, Mailcore, Sender, SenderNotFound
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import ACCOUNT, authorise
from tests.support.driving import Tables, eventually
from tests.support.queueing import drain, queue
from tests.support.steps import deliveries, send
from tests.support.worker_process import working

OTHER = "billing@example.com"


@pytest.fixture
def billing(core: Mailcore, google: GoogleSandbox, alerts: Sender) -> str:
    """The fallback of *alerts*, after a quarter of an hour."""
    google.add_account(OTHER)
    core.senders.register("billing", gmail_account=OTHER, by="t")
    authorise(core, google, "billing", OTHER)
    core.senders.set_fallback("alerts", "billing", by="t")
    return "billing"


def expire(tables: Tables, alias: str, *, minutes: int) -> None:
    tables(
        "UPDATE sender SET status = 'expired', status_changed_at = now() - %s * interval '1 min' "
        "WHERE alias = %s",
        minutes,
        alias,
    )


def test_it_goes_out_through_the_other(
    core: Mailcore, google: GoogleSandbox, billing: str, tables: Tables
) -> None:
    """From is the other's account; answers go to the first one's; and it is recorded as such."""
    queue(core, allow_fallback=True)
    expire(tables, "alerts", minutes=16)
    assert set(core.upkeep.due()) == {"alerts"}
    drain(core)
    [arrived] = google.outbox
    assert (arrived.account, arrived.email["From"]) == (OTHER, OTHER)
    assert arrived.email["Reply-To"] == ACCOUNT
    [row] = deliveries(core)
    assert (row.alias, row.status, row.sent_through) == ("alerts", "sent", "billing")
    assert core.senders.get("billing").last_sent_at
    assert core.senders.get("alerts").status == "expired"


def test_only_mail_that_may(
    core: Mailcore, google: GoogleSandbox, billing: str, tables: Tables
) -> None:
    """The rest waits for the re-auth."""
    queue(core)
    queue(core, allow_fallback=True, subject="may", reply_to="help@example.com")
    expire(tables, "alerts", minutes=16)
    drain(core)
    [arrived] = google.outbox
    assert (arrived.subject, arrived.email["Reply-To"]) == ("may", "help@example.com")
    assert [row.waits_for for row in deliveries(core)] == [None, "reauth"]
    assert core.upkeep.due() == {}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sender SET status_changed_at = now() - interval '14 min' WHERE alias = 'alerts'",
        "UPDATE sender SET paused_at = now() WHERE alias = 'alerts'",
        "UPDATE sender SET paused_at = now() WHERE alias = 'billing'",
        "UPDATE sender SET status = 'blocked' WHERE alias = 'billing'",
        "UPDATE sender SET fallback_alias = NULL",
        "UPDATE sender SET next_send_at = now() + interval '1 h' WHERE alias = 'billing'",
        "UPDATE delivery SET held_by = 'ann'",
        "UPDATE delivery SET send_at = now() + interval '1 h'",
    ],
)
def test_it_waits(
    core: Mailcore, google: GoogleSandbox, billing: str, tables: Tables, change: str
) -> None:
    """Too early, paused, held, or the other cannot send either."""
    queue(core, allow_fallback=True)
    expire(tables, "alerts", minutes=16)
    tables(change.replace("%", "%%"))
    drain(core)
    assert not google.outbox
    assert all(seconds > 0 for seconds in core.upkeep.due().values())


def test_it_never_goes_in_a_circle(
    core: Mailcore, google: GoogleSandbox, billing: str, tables: Tables
) -> None:
    """Both are each other's, and neither can send."""
    core.senders.set_fallback("billing", "alerts", by="t")
    for alias in ("alerts", "billing"):
        queue(core, alias, allow_fallback=True)
        expire(tables, alias, minutes=16)
    for alias in ("alerts", "billing"):
        drain(core, alias)
    assert core.upkeep.due() == {}
    assert [row.status for row in deliveries(core)] == ["held", "held"]


def test_the_other_is_blamed_for_what_is_its_own(
    core: Mailcore, google: GoogleSandbox, billing: str, tables: Tables
) -> None:
    """Google refuses its grant: it expires; the first one's is as it was, and the mail waits."""
    queue(core, allow_fallback=True)
    expire(tables, "alerts", minutes=16)
    google.revoke_grant(OTHER)
    google.expire_access_tokens()
    drain(core)
    assert core.senders.get("billing").status == "expired"
    [row] = deliveries(core)
    assert (row.status, row.waits_for) == ("held", "reauth")


def test_an_unknown_outcome_is_not_tried_through_the_other(
    core: Mailcore, google: GoogleSandbox, billing: str, tables: Tables
) -> None:
    """Nothing is sent twice."""
    queue(core, allow_fallback=True)
    google.fail("send", faults.CLOSE_AFTER)
    drain(core)
    expire(tables, "alerts", minutes=16)
    drain(core)
    assert len(google.outbox) == 1
    assert [row.status for row in deliveries(core)] == ["unknown"]


def test_it_counts_towards_the_others_budget(
    core: Mailcore, google: GoogleSandbox, billing: str, tables: Tables
) -> None:
    """And not towards its own sender's."""
    for alias in ("alerts", "billing"):
        core.queue.set_limits(
            alias, messages_per_second=None, messages_per_day=1, recipients_per_day=None, by="t"
        )
    queue(core, allow_fallback=True)
    queue(core, "billing")
    expire(tables, "alerts", minutes=16)
    drain(core)
    assert [row.waits_for for row in deliveries(core)] == ["budget", None]
    tables("UPDATE sender SET status = 'healthy' WHERE alias = 'alerts'")
    queue(core)
    assert deliveries(core)[0].waits_for == "turn"


def test_after_its_re_auth_it_sends_by_itself_again(
    core: Mailcore, google: GoogleSandbox, billing: str, tables: Tables
) -> None:
    """At once, whoever is its fallback."""
    expire(tables, "alerts", minutes=16)
    authorise(core, google, "alerts")
    queue(core, allow_fallback=True)
    drain(core)
    [row] = deliveries(core)
    assert (google.outbox[0].account, row.sent_through) == (ACCOUNT, None)


def test_a_worker_sees_to_it(
    core: Mailcore, google: GoogleSandbox, billing: str, tables: Tables
) -> None:
    """By itself, once the time has come."""
    queue(core, allow_fallback=True)
    expire(tables, "alerts", minutes=16)
    with working(core):
        google.wait_for_outbox(1, timeout=30)
    eventually(lambda: [row.sent_through for row in deliveries(core)] == ["billing"])


def test_a_from_of_its_own_gives_way(
    core: Mailcore, google: GoogleSandbox, billing: str, tables: Tables
) -> None:
    """The other may not send as that."""
    core.senders.update("alerts", send_as=["shop@example.com"], by="t")
    queue(core, allow_fallback=True, from_address="shop@example.com", from_name="Shop")
    expire(tables, "alerts", minutes=16)
    drain(core)
    [arrived] = google.outbox
    assert (arrived.email["From"], arrived.email["Reply-To"]) == (f"Shop <{OTHER}>", ACCOUNT)


def test_what_cannot_be_a_fallback_is_refused(core: Mailcore, billing: str) -> None:
    """Itself, nobody, and never."""
    with pytest.raises(InvalidSender, match="its own fallback"):
        core.senders.set_fallback("alerts", "alerts", by="t")
    with pytest.raises(SenderNotFound):
        core.senders.set_fallback("alerts", "nobody", by="t")
    with pytest.raises(InvalidSender):
        core.senders.set_fallback("alerts", "billing", after=-1, by="t")
    core.senders.delete("billing", by="t")
    assert core.senders.get("alerts").fallback_alias is None


def test_a_direct_send_is_not_rerouted(
    core: Mailcore, google: GoogleSandbox, billing: str, tables: Tables
) -> None:
    """Who waits for the answer is told."""
    google.revoke_grant(ACCOUNT)
    google.expire_access_tokens()
    expire(tables, "alerts", minutes=16)
    with pytest.raises(Exception, match="Re-authorise"):
        send(core)
    assert not google.outbox

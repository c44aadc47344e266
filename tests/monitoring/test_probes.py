"""Probes: what Google has withdrawn is known within hours, and before the next mail."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from mailcore import ConfigurationError, Mailcore, SenderStatus
from mailcore.clock import now
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import authorise
from tests.support.driving import Tables, at_once, meanwhile
from tests.support.processes import start_script
from tests.support.steps import history, send

ALIASES = ("alerts", "billing", "reports")
HOUR = timedelta(hours=1)

WORKER = """
from mailcore import Mailcore
Mailcore().probes.run(lambda: False)
"""

Given = Callable[..., None]


@pytest.fixture(autouse=True)
def senders(core: Mailcore, google: GoogleSandbox) -> None:
    """Three healthy senders of the deployment's client."""
    for alias in ALIASES:
        core.senders.register(alias, gmail_account=f"{alias}@example.com", by="t")
        authorise(core, google, alias)


@pytest.fixture
def due(tables: Tables) -> Given:
    """Let all senders become due, or only those named: the hours since the last time are over."""

    def let_time_pass(*aliases: str) -> None:
        tables(
            "UPDATE sender SET next_probe_at = now() - interval '1 s',"
            " last_refreshed_at = now() - interval '7 h' WHERE alias = ANY(%s)",
            list(aliases or ALIASES),
        )

    return let_time_pass


@pytest.fixture
def another_worker(core: Mailcore) -> Iterator[Mailcore]:
    """A second worker, with connections of its own."""
    worker = Mailcore(core.settings)
    yield worker
    worker.close()


def probe(core: Mailcore) -> None:
    core.probes.run(lambda: False)


def hours_ahead(tables: Tables) -> list[float]:
    """In how many hours each sender is due."""
    rows = tables(
        "SELECT extract(epoch FROM next_probe_at - now())::float8 / 3600 FROM sender"
        " ORDER BY next_probe_at"
    )
    return [float(hours) for (hours,) in rows]  # type: ignore[arg-type]


def statuses(core: Mailcore) -> dict[str, str]:
    return {sender.alias: sender.status.value for sender in core.senders.page().senders}


def ten_minutes_pass(tables: Tables) -> None:
    """For a refused client, and for the senders whose probes failed."""
    tables(
        "UPDATE sender SET last_error_at = last_error_at - interval '11 min',"
        " next_probe_at = next_probe_at - interval '16 min'"
    )
    tables("UPDATE refresh_lease SET leased_until = leased_until - interval '11 min'")


def test_a_revoked_grant_is_known_without_any_mail(
    core: Mailcore, google: GoogleSandbox, due: Given
) -> None:
    """The page says it, and the trail; nobody had to send for that, and the others stay well."""
    google.revoke_grant("billing@example.com")
    due()
    probe(core)
    assert statuses(core) == {"alerts": "healthy", "billing": "expired", "reports": "healthy"}
    assert history(core, "billing")[-1] == "expired"
    for alias in ALIASES:
        probed_at = core.senders.get(alias).probed_at
        assert probed_at is not None
        assert now() - probed_at < HOUR


@pytest.mark.parametrize("refusal", [faults.INVALID_GRANT, faults.ACCOUNT_SUSPENDED])
def test_a_grant_that_google_renews_again_sends_again(
    core: Mailcore, google: GoogleSandbox, due: Given, refusal: faults.Fault
) -> None:
    """The old client was put back, or the account restored: no re-auth is needed."""
    google.fail("token", refusal)
    core.check("billing")
    assert core.senders.get("billing").status is not SenderStatus.HEALTHY
    due("billing")
    probe(core)
    assert core.senders.get("billing").status is SenderStatus.HEALTHY
    assert history(core, "billing")[-1] == "healthy"


def test_whom_only_gmail_refuses_is_left_alone(
    core: Mailcore, google: GoogleSandbox, due: Given
) -> None:
    """The token endpoint would renew its grant, and that proves nothing."""
    google.fail("send", faults.INSUFFICIENT_PERMISSIONS)
    with pytest.raises(Exception, match="billing"):
        send(core, "billing")
    due()
    probe(core)
    assert google.requests.refreshes("billing@example.com") == 0
    assert google.requests.refreshes() == 2


def test_each_is_asked_once_whoever_looks(
    core: Mailcore, google: GoogleSandbox, due: Given, another_worker: Mailcore
) -> None:
    """Two workers at the same moment, and again a little later: one request for each grant."""
    due()
    workers = iter([core, another_worker])
    with google.hold("token") as gate:
        both = meanwhile(lambda: at_once(2, lambda: probe(next(workers))))
        gate.wait_for_arrivals(2)
    assert both() == [None, None]
    probe(core)
    probe(another_worker)
    assert [google.requests.refreshes(f"{alias}@example.com") for alias in ALIASES] == [1, 1, 1]


def test_two_at_a_time(core: Mailcore, google: GoogleSandbox, due: Given) -> None:
    """Google sees no burst."""
    due()
    with google.hold("token") as gate:
        probing = meanwhile(lambda: probe(core))
        gate.wait_for_arrivals(2)
        with pytest.raises(TimeoutError):
            gate.wait_for_arrivals(3, timeout=0.3)
    probing()
    assert google.requests.refreshes() == 3


@pytest.mark.process
def test_a_killed_workers_probes_are_made_up_for(
    core: Mailcore,
    google: GoogleSandbox,
    environment: dict[str, str],
    tables: Tables,
    due: Given,
) -> None:
    """It died while Google was asked: nobody else asks at once, and somebody does minutes later."""
    due()
    with google.hold("token") as gate, start_script(WORKER, environment) as process:
        gate.wait_for_arrivals(2)
        process.kill()
    google.requests.reset()
    probe(core)
    assert google.requests.refreshes() == 0
    assert 0 < hours_ahead(tables)[0] * 60 <= 5
    assert core.senders.get("alerts").probed_at is None
    tables("UPDATE sender SET next_probe_at = next_probe_at - interval '5 min'")
    tables("UPDATE refresh_lease SET leased_until = now()")
    probe(core)
    assert google.requests.refreshes() == 3
    assert core.senders.get("alerts").probed_at is not None


def test_while_the_client_is_refused_one_asks_now_and_then(
    core: Mailcore, google: GoogleSandbox, due: Given, tables: Tables, another_worker: Mailcore
) -> None:
    """A wrong secret is no reason to ask 10,000 times; once it is right, all are asked again."""
    google.fail("token", faults.INVALID_CLIENT, times=None)
    due()
    probe(core)
    assert 1 <= google.requests.refreshes() <= 2  # those that were under way together
    assert set(statuses(core).values()) == {"healthy"}
    asked = google.requests.refreshes()

    due()
    for worker in (core, another_worker) * 2:
        probe(worker)
    assert google.requests.refreshes() == asked

    ten_minutes_pass(tables)
    workers = iter([core, another_worker])
    at_once(2, lambda: probe(next(workers)))
    probe(another_worker)
    assert google.requests.refreshes() == asked + 1
    assert core.senders.page().problem is not None

    google.heal()
    ten_minutes_pass(tables)
    probe(core)
    assert google.requests.refreshes() == asked + 2
    assert core.senders.page().problem is None
    ten_minutes_pass(tables)
    probe(core)
    assert google.requests.refreshes() == asked + 4
    assert all(core.senders.get(alias).probed_at for alias in ALIASES)


def test_a_canary_whose_own_grant_is_refused_sings_all_the_same(
    core: Mailcore, google: GoogleSandbox, due: Given, tables: Tables
) -> None:
    """Google looks at a grant only after it has taken the client: the others are asked again."""
    google.fail("token", faults.INVALID_CLIENT)
    with pytest.raises(ConfigurationError):
        core.check("alerts")
    google.revoke_grant("billing@example.com")
    ten_minutes_pass(tables)
    due("billing")
    probe(core)
    assert core.senders.page().problem is None
    assert statuses(core)["billing"] == "expired"


def test_a_senders_own_client_is_its_own_affair(
    core: Mailcore, google: GoogleSandbox, due: Given
) -> None:
    """That it is refused keeps nobody else from being asked."""
    own = google.credentials_for(google.register_client())
    core.senders.set_client("alerts", own, by="t")
    authorise(core, google, "alerts")
    google.fail("token", faults.INVALID_CLIENT, account="alerts@example.com", times=None)
    for _ in range(2):
        due()
        probe(core)
    assert core.senders.get("alerts").probed_at is None
    assert core.senders.get("billing").probed_at is not None
    assert google.requests.refreshes("billing@example.com") == 2


def test_nobody_is_asked_about_whom_there_is_nothing_to_ask(
    core: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """A sender that was never authorised stays pending, and no token file is looked for."""
    core.senders.register("new", by="t")
    tables("UPDATE sender SET next_probe_at = now() - interval '1 s' WHERE alias = 'new'")
    probe(core)
    assert google.requests.refreshes() == 0
    new = core.senders.get("new")
    assert (new.status, new.asked_at) == (SenderStatus.PENDING, None)


def test_thousands_of_senders_are_spread_over_hours(
    core: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """After an update to a version that probes, Google sees no burst, and nobody waits a day."""
    tables(
        "INSERT INTO sender (alias, generation, status, token_json, status_changed_at,"
        " granted_scopes, created_at, updated_at) SELECT 'sender-' || n, 1, 'healthy', '{}',"
        " now(), '{}', now(), now() FROM generate_series(1, 1500) AS n"
    )
    probe(core)
    probe(core)
    assert google.requests.refreshes() == 0
    ahead = hours_ahead(tables)
    assert len(ahead) == 1503
    assert 0 < ahead[0] < 0.5
    assert 5.5 < ahead[-1] <= 6
    in_the_first_half = sum(hours < 3 for hours in ahead)
    assert 550 < in_the_first_half < 950


def test_the_next_time_is_five_to_six_hours_later(
    core: Mailcore, google: GoogleSandbox, tables: Tables, due: Given
) -> None:
    """Within six hours, and not all of them at the same moment again."""
    due()
    probe(core)
    ahead = hours_ahead(tables)
    assert all(4.9 < hours <= 6 for hours in ahead)
    assert len(set(ahead)) == 3


def test_what_jobs_have_renewed_is_not_asked_about(
    core: Mailcore, google: GoogleSandbox, tables: Tables, due: Given
) -> None:
    """A sender that sends all day costs no probes."""
    due()
    tables("UPDATE sender SET last_refreshed_at = now() - interval '2 h' WHERE alias <> 'billing'")
    probe(core)
    assert google.requests.refreshes() == google.requests.refreshes("billing@example.com") == 1
    ahead = hours_ahead(tables)
    assert all(2.9 < hours <= 4 for hours in ahead[:2])
    asked_at = core.senders.get("alerts").asked_at
    assert asked_at is not None
    assert HOUR < now() - asked_at < 3 * HOUR


def test_a_reauth_during_a_probe_is_not_undone(
    core: Mailcore, google: GoogleSandbox, due: Given
) -> None:
    """The old grant was refused, and somebody has renewed it just then: the sender is healthy."""
    google.revoke_grant("billing@example.com")
    due("billing")
    with google.hold("token", "billing@example.com", at="answer") as gate:
        probing = meanwhile(lambda: probe(core))
        gate.wait_for_arrivals(1)
        reauth = meanwhile(lambda: authorise(core, google, "billing"))
        gate.wait_for_arrivals(2)
    reauth()
    probing()
    billing = core.senders.get("billing")
    assert (billing.status, billing.generation) == (SenderStatus.HEALTHY, 2)


def test_one_that_fails_keeps_none_of_the_others(
    core: Mailcore, google: GoogleSandbox, due: Given, tables: Tables
) -> None:
    """Google is out of order for one: the others are asked, and that one again soon."""
    google.fail("token", faults.SERVICE_UNAVAILABLE_HTML, account="alerts@example.com")
    due()
    probe(core)
    alerts, billing = core.senders.get("alerts"), core.senders.get("billing")
    assert (alerts.status, alerts.probed_at) == (SenderStatus.HEALTHY, None)
    assert billing.probed_at is not None
    assert core.senders.get("reports").probed_at is not None
    assert 4 < hours_ahead(tables)[0] * 60 < 16


def test_a_grant_that_cannot_be_read_keeps_none_of_the_others(
    core: Mailcore, google: GoogleSandbox, due: Given, tables: Tables
) -> None:
    """Its key was lost: it is not asked about for a while, and the log says why."""
    tables("UPDATE sender SET token_json = 'fernet:nonsense' WHERE alias = 'alerts'")
    due()
    probe(core)
    assert core.senders.get("alerts").probed_at is None
    assert core.senders.get("billing").probed_at is not None


def test_a_dead_network_is_no_storm(
    core: Mailcore, google: GoogleSandbox, due: Given, tables: Tables
) -> None:
    """After three in vain the round is over; nobody's status changes, and all are asked later."""
    for number in range(10):
        email = f"more-{number}@example.com"
        google.add_account(email)
        core.senders.register(f"more-{number}", gmail_account=email, by="t")
        authorise(core, google, f"more-{number}")
    due(*ALIASES, *(f"more-{number}" for number in range(10)))
    google.fail("token", faults.CLOSE_BEFORE, times=None)
    google.requests.reset()
    probe(core)
    assert 3 <= google.requests.refreshes() <= 4
    probe(core)
    assert google.requests.refreshes() <= 4
    assert hours_ahead(tables)[0] > 0
    assert set(statuses(core).values()) == {"healthy"}


def test_told_to_stop_it_begins_nothing(core: Mailcore, google: GoogleSandbox, due: Given) -> None:
    """A worker that ends finishes what it asks, and no more."""
    due()
    stopping = False
    with google.hold("token") as gate:
        probing = meanwhile(lambda: core.probes.run(lambda: stopping))
        gate.wait_for_arrivals(2)
        stopping = True
    probing()
    assert google.requests.refreshes() == 2


def test_a_check_counts_as_well(core: Mailcore, google: GoogleSandbox, due: Given) -> None:
    """Somebody has asked just now: the page says so, and no worker asks again."""
    due()
    google.revoke_grant("billing@example.com")
    for alias in ALIASES:
        assert core.check(alias).probed_at is not None
    asked = google.requests.refreshes()
    probe(core)
    assert google.requests.refreshes() == asked


def test_a_check_that_was_not_answered_says_so(core: Mailcore, google: GoogleSandbox) -> None:
    """Google could not be reached: that it was asked would be a lie."""
    google.fail("token", faults.SERVICE_UNAVAILABLE_HTML)
    with pytest.raises(Exception, match="could not serve"):
        core.check("alerts")
    assert core.senders.get("alerts").probed_at is None

"""What Prometheus reads of a deployment's state."""

import re
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from mailcore import DatabaseUnavailable, Mailcore
from mailcore.monitoring.metrics import Metrics
from mailcore.sandbox import GoogleSandbox, faults
from mailcore.values.alerts import AlertHealth, AlertKind
from tests.support.authorise import ACCOUNT, authorise
from tests.support.driving import Tables, at_once, eventually
from tests.support.outages import Closable
from tests.support.queueing import let_leases_run_out, queue
from tests.support.scraping import metrics_of, scraped
from tests.support.statements import note_statements
from tests.support.steps import send
from tests.support.worker_process import working

STATUSES = ("pending", "healthy", "expired", "blocked")


@pytest.fixture
def database(postgres_server: str, database_url: str) -> Iterator[Closable]:
    """The test's database, for closing it."""
    name = conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(postgres_server, autocommit=True) as server:
        yield Closable(server, str(name))


def statuses(core: Mailcore, alias: str = "alerts", project: str = "") -> list[str]:
    look = metrics_of(core)
    values = {
        status: look("sender_status", alias=alias, project=project, status=status)
        for status in STATUSES
    }
    assert set(values.values()) == {0, 1}
    return [status for status, value in values.items() if value]


def test_a_sender_has_one_status(core: Mailcore, google: GoogleSandbox) -> None:
    """It follows what the senders page shows."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="ann")
    assert statuses(core) == ["pending"]
    authorise(core, google, "alerts")
    assert statuses(core) == ["healthy"]
    google.fail("token", faults.INVALID_GRANT)
    core.check("alerts")
    assert statuses(core) == ["expired"]


def test_the_end_of_a_grant_is_a_moment(core: Mailcore, google: GoogleSandbox) -> None:
    """A rule subtracts the time from it; where no end is known there is none."""
    core.senders.register("alerts", gmail_account=ACCOUNT, project="shop", by="ann")
    labels = {"alias": "alerts", "project": "shop"}
    assert metrics_of(core)("grant_end_timestamp_seconds", **labels) is None
    ends = authorise(core, google, "alerts").sender.grant_expires_at
    assert ends is not None
    assert metrics_of(core)("grant_end_timestamp_seconds", **labels) == ends.timestamp()


def test_a_paused_sender_is_seen(core: Mailcore, authorised: str) -> None:
    """Until it is resumed."""
    for change, value in ((core.queue.pause, 1), (core.queue.resume, 0)):
        change("alerts", by="ann")
        assert metrics_of(core)("sender_paused", alias="alerts", project="") == value


def test_the_queue_is_measured(core: Mailcore, authorised: str) -> None:
    """How much is in it, and since when mail is due; mail for later is not late."""

    def measured() -> tuple[float | None, float | None]:
        look = metrics_of(core)
        depth = look("queue_messages", alias="alerts")
        return depth, look("queue_oldest_timestamp_seconds", alias="alerts")

    assert measured() == (0, None)
    queue(core, send_at=datetime.now(UTC) + timedelta(days=1))
    assert measured() == (1, None)
    before = time.time()
    queue(core)
    queue(core)
    depth, oldest = measured()
    assert depth == 3
    assert oldest is not None
    assert before - 1 <= oldest <= time.time() + 1
    core.queue.hold(by="ann")
    assert measured() == (3, None)


def test_open_questions_are_measured(core: Mailcore, authorised: str, tables: Tables) -> None:
    """Those of a process that has just died are among them, before anybody has looked."""
    queue(core)
    tables("UPDATE delivery SET status = 'sending', leased_until = now() + interval '1 minute'")
    assert metrics_of(core)("unknown_outcomes_open", alias="alerts") == 0
    let_leases_run_out(tables)
    assert metrics_of(core)("unknown_outcomes_open", alias="alerts") == 1


def test_a_budget_is_measured_where_there_is_one(core: Mailcore, authorised: str) -> None:
    """In messages and recipients of the last day."""

    def measured() -> list[float | None]:
        look = metrics_of(core)
        return [
            look(f"budget_{name}", alias="alerts", unit=unit)
            for unit in ("messages", "recipients")
            for name in ("used", "limit")
        ]

    send(core, to=["a@example.com", "b@example.com"])
    assert measured() == [None] * 4
    core.queue.set_limits(
        "alerts", messages_per_second=None, messages_per_day=10, recipients_per_day=None, by="ann"
    )
    assert measured() == [1, 10, None, None]
    with_limits = core.settings.model_copy(update={"recipients_per_day": 500})
    with closing(Mailcore(with_limits)) as limited:
        look = metrics_of(limited)
        assert look("budget_used", alias="alerts", unit="recipients") == 2
        assert look("budget_limit", alias="alerts", unit="recipients") == 500


def test_a_budget_forgets_what_is_older_than_a_day(
    core: Mailcore, authorised: str, tables: Tables
) -> None:
    """As Gmail does."""
    send(core)
    core.queue.set_limits(
        "alerts", messages_per_second=None, messages_per_day=10, recipients_per_day=None, by="ann"
    )
    tables("UPDATE delivery SET sent_at = now() - interval '25 hours'")
    assert metrics_of(core)("budget_used", alias="alerts", unit="messages") == 0


def test_workers_are_seen_while_they_run(core: Mailcore) -> None:
    """Without one there is no sign of one."""
    look = metrics_of(core)
    assert look("workers") == 0
    assert look("worker_last_seen_timestamp_seconds") is None
    with working(core):
        eventually(lambda: metrics_of(core)("workers") == 1)
        seen = metrics_of(core)("worker_last_seen_timestamp_seconds")
        assert seen is not None
        assert abs(time.time() - seen) < 30


def test_a_worker_that_died_stays_seen_for_a_while(core: Mailcore, tables: Tables) -> None:
    """It takes its row along only if it can; its last sign of life tells since when it is gone."""
    tables("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')")
    look = metrics_of(core)
    assert look("workers") == 0
    seen = look("worker_last_seen_timestamp_seconds")
    assert seen is not None
    assert seen == pytest.approx(time.time() - 3600, abs=30)


def test_open_alerts_are_counted_by_kind(core: Mailcore, tables: Tables) -> None:
    """All kinds are there from the start, so a rule can see one rise from zero."""
    for closed_at in (None, datetime.now(UTC)):
        tables(
            "INSERT INTO alert (kind, subject, alias, generation, raised_at, closed_at)"
            " VALUES ('about to expire', 'alerts', 'alerts', 1, now(), %s)",
            closed_at,
        )
    look = metrics_of(core)
    counts = {kind: look("alerts_open", kind=kind.value) for kind in AlertKind}
    assert counts == {kind: float(kind is AlertKind.ABOUT_TO_EXPIRE) for kind in AlertKind}


def test_silent_alerts_are_seen(core: Mailcore) -> None:
    """Whoever watches the metrics is told when the alerts themselves reach nobody."""
    since = datetime(2026, 11, 22, 7, tzinfo=UTC)

    def health(silent_since: datetime | None) -> AlertHealth:
        return AlertHealth(channels=2, open=3, waiting=4, silent_since=silent_since, error=None)

    for silent_since in (None, since):
        metrics = Metrics(core.settings, core._database, partial(health, silent_since))
        look = scraped(metrics.text().decode())
        assert look("alert_channels") == 2
        assert look("alert_notices_waiting") == 4
        assert look("alerts_silent") == float(silent_since is not None)
        moment = silent_since and silent_since.timestamp()
        assert look("alerts_silent_since_timestamp_seconds") == moment


def test_nothing_in_it_is_an_address_or_a_secret(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """Dashboards are shown to many."""
    send(core, to="private@example.com", subject="Very private")
    queue(core, to="private@example.com")
    google.fail("send", faults.INVALID_ARGUMENT)
    with pytest.raises(Exception, match="alerts"):
        send(core, to="private@example.com")
    text = core.metrics.text().decode()
    assert 'alias="alerts"' in text
    assert "@" not in text
    assert not [secret for secret in google.secrets if secret in text]
    labels = set(re.findall(r'[{,](\w+)="', text))
    assert labels <= {"alias", "project", "status", "outcome", "kind", "unit"}


def test_it_is_read_every_15_seconds_at_most(core: Mailcore, authorised: str) -> None:
    """Several Prometheus servers, or an impatient one, cost the database no more."""
    statements: list[str] = []
    note_statements(core, statements.append)
    first = core.metrics.text()
    cost = len(statements)
    assert cost
    assert set(at_once(8, core.metrics.text)) == {first}
    assert len(statements) == cost
    core.metrics._read_at = (core.metrics._read_at or 0) - 15
    assert core.metrics.text() != first
    assert len(statements) > cost


def test_a_thousand_senders_cost_no_more_statements(core: Mailcore, tables: Tables) -> None:
    """Three, and what a new connection asks."""
    tables(
        "INSERT INTO sender (alias, status, generation, granted_scopes, status_changed_at,"
        " created_at, updated_at)"
        " SELECT 'job-' || n, 'healthy', 1, '{}', now(), now(), now()"
        " FROM generate_series(1, 1000) AS n"
    )
    statements: list[str] = []
    note_statements(core, statements.append)
    look = scraped(core.metrics.text().decode())
    assert look("sender_status", alias="job-1000", project="", status="healthy") == 1
    about_us = [each for each in statements if "FROM" in each]
    assert len(about_us) == 3


def test_a_database_that_is_away_is_no_number(core: Mailcore, database: Closable) -> None:
    """Old numbers would look as if all were well; once it is back, so are they."""
    core.metrics.text()
    database.close()
    core.metrics._read_at = None
    with pytest.raises(DatabaseUnavailable):
        core.metrics.text()
    database.mend()
    assert core.metrics.text()

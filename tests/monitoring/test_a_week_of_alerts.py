"""A week of a deployment, in simulated time: every message that somebody gets is counted.

Fifty senders in three projects, with grants of seven days that were given on different days. One
is revoked, the client's secret is wrong for two hours, one channel is down for six hours, and two
workers look, one of which is killed now and then while it has something to tell.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from mailcore import Mailcore, Settings
from mailcore.monitoring import notices
from mailcore.sandbox import GoogleSandbox
from tests.support.alert_inbox import AlertInbox, alert_inbox
from tests.support.authorise import authorise
from tests.support.driving import Tables
from tests.support.time_travel import Clock
from tests.support.worker_process import worker_process

pytestmark = pytest.mark.process

PROJECTS = ("billing", "platform", "shop")
#: What passes between two looks.
STEP = 2
REVOKED = "s7"


@pytest.fixture
def inbox() -> Iterator[AlertInbox]:
    with alert_inbox() as inbox:
        yield inbox


class Week:
    """The deployment, and what happens to it."""

    def __init__(
        self, core: Mailcore, google: GoogleSandbox, tables: Tables, settings: Settings, url: str
    ) -> None:
        urls = f"palemail://ops@example.com, urgent project=shop {url}"
        self.tables, self.google, self._settings = tables, google, settings
        self.values = {"alert_urls": urls, "encryption_keys": settings.encryption_keys}
        self.workers = [Mailcore(Settings(**self.values)) for _ in range(2)]
        self.misled = Mailcore(Settings(google_client_secret="wrong", **self.values))
        for number in range(50):
            account = f"s{number}@example.com"
            google.add_account(account)
            core.senders.register(
                f"s{number}", gmail_account=account, project=PROJECTS[number % 3], by="t"
            )
            authorise(core, google, f"s{number}")
        # One that never ends keeps the mail channel alive: it has no date.
        for project in PROJECTS:
            account = f"safe-{project}@example.com"
            google.add_account(account)
            core.senders.register(f"safe-{project}", gmail_account=account, project=project, by="t")
            authorise(core, google, f"safe-{project}")
        tables("UPDATE sender SET grant_expires_at = NULL WHERE alias LIKE 'safe-%%'")
        tables(
            "UPDATE sender SET grant_expires_at = grant_expires_at"
            " - (id %% 7) * interval '1 day' + (id %% 5) * interval '17 minutes'"
            " WHERE alias NOT LIKE 'safe-%%'"
        )
        self.clock = Clock(tables)

    def close(self) -> None:
        for core in (*self.workers, self.misled):
            core.close()

    def step(self, *, kills: bool, misled: bool) -> None:
        """Let time pass, and both workers do what they do."""
        self.clock.pass_time(timedelta(hours=STEP))
        for (alias,) in self.tables(
            "SELECT alias FROM sender WHERE status = 'healthy' AND grant_expires_at < now()"
        ):
            self.google.expire_grant(f"{alias}@example.com")
        cores = [self.misled] if misled else self.workers
        for core in cores:
            core.probes.run(lambda: False)
            core.alerting.look()
        if kills:
            self._kill_one()
        for core in cores:
            core.alerting.tell()

    def _kill_one(self) -> None:
        """A worker dies right after it has claimed what is due; its lease runs out."""
        core = self.workers[0]
        self.tables("UPDATE alert_notice SET due_at = now() WHERE status = 'waiting'")
        with core._database.connection() as connection:
            notices.claim(connection, core._alert_channels.fingerprints)
        self.tables(
            "UPDATE alert_notice SET leased_until = now() - interval '1 second'"
            " WHERE status = 'sending'"
        )


def test_a_week(
    core: Mailcore,
    google: GoogleSandbox,
    tables: Tables,
    settings: Settings,
    inbox: AlertInbox,
) -> None:
    """Each alert reaches each channel that wants it exactly once, in order, and nothing else."""
    week = Week(core, google, tables, settings, inbox.url)
    with closing(week):
        for hour in range(0, 24 * 7 + 12, STEP):
            if hour == 30:
                google.revoke_grant(f"{REVOKED}@example.com")
            inbox.is_down = 60 <= hour < 66
            week.step(kills=hour % 18 == 0, misled=hour == 100)
        inbox.is_down = False
        for _ in range(3):
            week.step(kills=False, misled=False)

        told = tables(
            "SELECT alert.kind, alert.alias, alert.generation, channel.label, notice.kind,"
            "       notice.status FROM alert_notice AS notice"
            " JOIN alert ON alert.id = notice.alert_id"
            " JOIN alert_channel AS channel ON channel.id = notice.channel_id"
        )
        sent = Counter(row[:5] for row in told if row[5] == "sent")
        assert set(sent.values()) == {1}, "nothing is told twice"
        assert {row[5] for row in told} <= {"sent", "cancelled"}, "nothing is left untold"

        mail = "mail to ops@example.com"
        expired = {
            alias for (alias,) in tables("SELECT alias FROM sender WHERE status = 'expired'")
        }
        assert len(expired) == 50
        for alias in expired:
            kinds = {row[0] for row in sent if row[1] == alias and row[3] == mail}
            early = {"expiring", "about to expire"}
            assert "expired" in kinds, alias
            if alias != REVOKED:
                assert kinds & early, f"{alias} was told of before"
        problems = [row for row in sent if row[0] == "problem"]
        assert len(problems) <= 2 * len({row[3] for row in problems})
        assert week.workers[0].alerts.health().silent_since is None

        # Of 50 senders and three stages a person gets a few messages a day.
        messages = [each for each in google.outbox if "ops@example.com" in each.recipients]
        assert len(messages) < 7 * 3 * 5
        assert all("shop" in title for title in inbox.titles)
        order = tables(
            "SELECT alert.alias, array_agg(alert.kind ORDER BY notice.sent_at DESC)"
            " FROM alert_notice AS notice JOIN alert ON alert.id = notice.alert_id"
            " WHERE notice.status = 'sent' AND notice.kind = 'raised' AND alert.generation > 0"
            " GROUP BY alert.alias, notice.channel_id"
        )
        assert all(kinds[0] == "expired" for _, kinds in order if "expired" in kinds)  # type: ignore[index, operator]


def test_a_worker_is_killed_while_a_channel_takes_its_time(
    environment: dict[str, str],
    settings: Settings,
    authorised: str,
    tables: Tables,
    inbox: AlertInbox,
) -> None:
    """The next worker tells it again: it may come twice, and is never lost."""
    told = {"PALEMAIL_ALERT_URLS": inbox.url, "PALEMAIL_ALERT_DELAY": "0"}
    tables("UPDATE sender SET status = 'expired', status_reason = 'refused'")
    inbox.answers.clear()
    with worker_process({**environment, **told}) as process:
        assert inbox.came.wait(60)
        process.kill()
    assert tables("SELECT DISTINCT status FROM alert_notice") == [("sending",)]
    inbox.answers.set()

    tables("UPDATE alert_notice SET leased_until = now() - interval '1 second'")
    with closing(Mailcore(Settings(alert_urls=inbox.url, alert_delay=0))) as core:
        core.alerting.look()
        core.alerting.tell()
        assert tables("SELECT DISTINCT status FROM alert_notice") == [("sent",)]
        assert 1 <= len(inbox.messages) <= 2
        core.alerting.tell()
        assert 1 <= len(inbox.messages) <= 2

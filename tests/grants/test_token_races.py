"""Many ask at once, and something happens meanwhile: one refresh, and the newest grant wins."""

import threading
import time

import psycopg
import pytest

from mailcore import (
    Mailcore,
    ReauthRequired,
    SenderBlocked,
    SenderNotFound,
    SenderStatus,
    Settings,
    TemporaryFailure,
)
from mailcore.sandbox import GoogleSandbox, faults
from mailcore.store.database import _MOST
from tests.support.authorise import ACCOUNT, authorise
from tests.support.driving import Tables, at_once, eventually, meanwhile
from tests.support.processes import output, start_script
from tests.support.statements import note_statements


class Loads:
    """Counts who has read the sender, so that a test can wait for a crowd to be there."""

    def __init__(self, core: Mailcore) -> None:
        self._read = threading.Semaphore(0)
        note_statements(core, self._note)

    def _note(self, statement: str) -> None:
        if "SELECT id, alias" in statement:
            self._read.release()

    def wait_for(self, callers: int) -> None:
        for _ in range(callers):
            assert self._read.acquire(timeout=30)


JOB = """
import sys
from mailcore import Mailcore
core = Mailcore()
core.senders.page()
print("ready", flush=True)
sys.stdin.readline()
print(core.access_token("alerts"))
core.close()
"""


def test_many_threads_make_one_refresh(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """32 threads find the token stale: Google is asked once, and all get the same."""
    tables.make_access_tokens_stale()

    got = at_once(32, lambda: core.access_token(authorised))

    assert len(set(got)) == 1
    assert isinstance(got[0], str)
    assert google.requests.refreshes() == 1


def test_many_processes_make_one_refresh(
    environment: dict[str, str], google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """8 jobs on as many machines: Google is asked once, and all get the same."""
    tables.make_access_tokens_stale()
    jobs = [start_script(JOB, environment) for _ in range(8)]
    for process in jobs:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    with google.hold("token") as gate:  # so that all of them come while it is under way
        for process in jobs:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        gate.wait_for_arrivals(1)
    tokens = {output(process) for process in jobs}

    assert len(tokens) == 1
    assert google.requests.refreshes() == 1


def test_waiting_threads_hold_no_connection(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """However many wait for a refresh, no connection is busy and others can work."""
    tables.make_access_tokens_stale()
    loads = Loads(core)
    with google.hold("token") as gate:
        waiting = [meanwhile(lambda: core.access_token(authorised)) for _ in range(40)]
        gate.wait_for_arrivals(1)
        loads.wait_for(40)
        eventually(lambda: core._database._places._value == _MOST)
        assert core.senders.page().matching == 1
    assert len({wait() for wait in waiting}) == 1


def test_senders_do_not_wait_for_one_another(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """While Google keeps one sender waiting, another renews its token and is done."""
    core.senders.register("billing", gmail_account="billing@example.com", by="t")
    authorise(core, google, "billing")
    tables.make_access_tokens_stale()

    with google.hold("token", ACCOUNT) as gate:
        slow = meanwhile(lambda: core.access_token(authorised))
        gate.wait_for_arrivals(1)
        assert core.access_token("billing")
    assert slow()


def test_a_reauth_during_a_refresh_wins(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """The refresh of the old grant comes back late: the new grant is used, and not undone."""
    tables.make_access_tokens_stale()
    with google.hold("token", at="answer") as gate:
        slow = meanwhile(lambda: core.access_token(authorised))
        gate.wait_for_arrivals(1)
        # The consent of another tab, whose exchange does not pass the gate that was set up.
        reauth = meanwhile(lambda: authorise(core, google))
        gate.wait_for_arrivals(2)
    reauth()

    token = slow()
    assert core.senders.get(authorised).generation == 2
    # Whichever of the two answers came first, the sender now holds the grant of the re-auth.
    google.expire_access_tokens()
    core.check(authorised)
    assert core.access_token(authorised) != token
    assert core.senders.get(authorised).status is SenderStatus.HEALTHY


def test_a_late_success_of_the_old_grant_stores_nothing(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """The job goes on with what the re-auth stored."""
    tables.make_access_tokens_stale()
    issued = google.issue_grant(ACCOUNT)
    with google.hold("token", at="answer") as gate:
        slow = meanwhile(lambda: core.access_token(authorised))
        gate.wait_for_arrivals(1)
        _store_newer_grant(tables, issued)

    assert slow() == issued["access_token"]
    assert core.access_token(authorised) == issued["access_token"]


def test_a_late_refusal_of_the_old_grant_undoes_nothing(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """invalid_grant for the old grant after a re-auth: the sender stays healthy, the job works."""
    tables.make_access_tokens_stale()
    google.revoke_grant(ACCOUNT)
    issued = google.issue_grant(ACCOUNT)
    with google.hold("token", at="answer") as gate:
        slow = meanwhile(lambda: core.access_token(authorised))
        gate.wait_for_arrivals(1)
        _store_newer_grant(tables, issued)

    assert slow() == issued["access_token"]
    assert core.senders.get(authorised).status is SenderStatus.HEALTHY
    assert "expired" not in {line.what for line in core.senders.events(authorised)}


def _store_newer_grant(tables: Tables, issued: dict[str, object]) -> None:
    """What a completed re-auth leaves behind."""
    tables(
        "UPDATE sender SET generation = generation + 1, token_json = jsonb_build_object("
        "'refresh_token', %s::text, 'access_token', %s::text, 'access_expires_at',"
        " now() + interval '1 hour', 'scopes', '[]'::jsonb)::text",
        issued["refresh_token"],
        issued["access_token"],
    )


def test_a_sender_deleted_during_a_refresh(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """The job hears that it is gone; it does not come back."""
    tables.make_access_tokens_stale()
    with google.hold("token") as gate:
        slow = meanwhile(lambda: core.access_token(authorised))
        gate.wait_for_arrivals(1)
        core.senders.delete(authorised, by="t")

    with pytest.raises(SenderNotFound, match="deleted"):
        slow()
    assert core.senders.page().matching == 0


def test_a_sender_deleted_and_registered_anew_during_a_refresh(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """The new one of that name is not given the old one's grant."""
    tables.make_access_tokens_stale()
    with google.hold("token") as gate:
        slow = meanwhile(lambda: core.access_token(authorised))
        gate.wait_for_arrivals(1)
        core.senders.delete(authorised, by="t")
        core.senders.register(authorised, by="t")

    with pytest.raises(SenderNotFound):
        slow()
    assert tables("SELECT token_json, status FROM sender") == [(None, "pending")]


def test_a_database_restart_during_a_refresh_goes_unnoticed(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """No connection is held while Google is asked, so none is lost."""
    tables.make_access_tokens_stale()
    with google.hold("token") as gate:
        slow = meanwhile(lambda: core.access_token(authorised))
        gate.wait_for_arrivals(1)
        tables(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    assert slow() == core.access_token(authorised)


@pytest.mark.parametrize(
    ("fault", "error"),
    [(faults.INVALID_GRANT, ReauthRequired), (faults.ACCOUNT_SUSPENDED, SenderBlocked)],
)
def test_a_dead_grant_is_asked_about_once(  # noqa: PLR0917 - pytest passes them by name
    core: Mailcore,
    google: GoogleSandbox,
    authorised: str,
    tables: Tables,
    fault: faults.Fault,
    error: type[Exception],
) -> None:
    """100 callers hear the same; Google is not asked 100 times, nor is the audit trail full."""
    tables.make_access_tokens_stale()
    google.fail("token", fault, times=None)
    loads = Loads(core)

    with google.hold("token") as gate:
        calls = [meanwhile(lambda: core.access_token(authorised)) for _ in range(100)]
        gate.wait_for_arrivals(1)
        loads.wait_for(100)
    for call in calls:
        with pytest.raises(error):
            call()

    assert google.requests.refreshes() == 1
    status = core.senders.get(authorised).status
    assert status is (SenderStatus.BLOCKED if error is SenderBlocked else SenderStatus.EXPIRED)
    assert [line.what for line in core.senders.events(authorised)].count(status) == 1


def test_a_grant_known_to_be_dead_is_asked_about_once_by_a_crowd(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """Expired for long, and a cron job starts 50 sends: Google is asked once more, not 50 times."""
    google.revoke_grant(ACCOUNT)
    core.check(authorised)
    tables.make_access_tokens_stale()
    google.requests.reset()
    loads = Loads(core)

    with google.hold("token") as gate:
        calls = [meanwhile(lambda: _send(core, authorised, 30)) for _ in range(50)]
        gate.wait_for_arrivals(1)
        loads.wait_for(50)
    for call in calls:
        with pytest.raises(ReauthRequired):
            call()

    assert google.requests.refreshes() == 1
    with pytest.raises(ReauthRequired):
        _send(core, authorised, 30)
    assert google.requests.refreshes() == 2  # a later caller does ask: it may work again


def test_a_caller_in_a_hurry_does_not_wait_for_google(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """`timeout=1` means it, for the one who refreshes as for those who wait."""
    tables.make_access_tokens_stale()
    with google.hold("token") as gate:
        began = time.monotonic()
        first = meanwhile(lambda: _send(core, authorised, 1))
        gate.wait_for_arrivals(1)
        second = meanwhile(lambda: _send(core, authorised, 0.5))
        for call in (first, second):
            with pytest.raises(TemporaryFailure):
                call()
        assert time.monotonic() - began < 5
    assert google.outbox == []
    assert core.senders.get(authorised).status is SenderStatus.HEALTHY


def _send(core: Mailcore, alias: str, timeout: float) -> None:
    core.send_email(alias, to="ops@example.com", subject="s", text="t", timeout=timeout)


def test_a_refresh_costs_few_statements(core: Mailcore, authorised: str, tables: Tables) -> None:
    """A token that is fresh costs one statement; one that is not, a handful."""
    counted: list[str] = []

    def note(statement: str) -> None:
        if "sender" in statement:
            counted.append(statement)

    note_statements(core, note)
    core.access_token(authorised)
    assert len(counted) == 1
    tables.make_access_tokens_stale()
    core.access_token(authorised)
    assert len(counted) <= 1 + 5


def test_no_row_is_locked_while_google_is_asked(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables, database_url: str
) -> None:
    """The page and other writers go on."""
    tables.make_access_tokens_stale()
    with google.hold("token") as gate:
        slow = meanwhile(lambda: core.access_token(authorised))
        gate.wait_for_arrivals(1)
        with psycopg.connect(database_url) as other:
            other.execute("SET lock_timeout = '1s'")
            other.execute("SELECT * FROM sender FOR UPDATE NOWAIT")
            other.execute("LOCK TABLE sender IN SHARE ROW EXCLUSIVE MODE NOWAIT")
            other.rollback()
    assert slow()


def test_the_settings_of_one_deployment_do_not_leak_into_another(
    settings: Settings, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """Two Mailcores in one process, one of them pointed at a Google that is down."""
    tables.make_access_tokens_stale()
    elsewhere = Mailcore(
        settings.model_copy(update={"google_token_uri": "http://127.0.0.1:9/token"})
    )
    here = Mailcore(settings)
    with pytest.raises(TemporaryFailure):
        elsewhere.access_token(authorised)
    assert here.access_token(authorised)
    for mailcore in (elsewhere, here):
        mailcore.close()

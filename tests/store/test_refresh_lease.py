"""One renewal at a time: across threads, processes, forks and crashes."""

import signal
import threading
from collections.abc import Iterator
from functools import partial

import pytest
from psycopg.conninfo import conninfo_to_dict

from mailcore import Mailcore, Settings, TemporaryFailure
from mailcore.clock import Deadline
from mailcore.sandbox import GoogleSandbox
from mailcore.store.database import Database
from mailcore.store.refresh_lease import RefreshLeases
from tests.support.authorise import ACCOUNT, authorise
from tests.support.driving import Tables, at_once, meanwhile
from tests.support.processes import output, start_script
from tests.support.statements import note_statements


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database.from_settings(Settings(database_url=database_url))
    yield database
    database.close()


def test_waiting_for_others_ends_in_time(database: Database) -> None:
    """In this process or another, a caller gets the error that it can act on."""
    here, elsewhere = RefreshLeases(database), RefreshLeases(database)
    with here.hold(1, lease=10, deadline=Deadline(1)):
        for leases in (here, elsewhere):
            wait = meanwhile(lambda leases=leases: _hold(leases, 1))  # type: ignore[misc]
            with pytest.raises(TemporaryFailure, match="taking too long"):
                wait()
        _hold(here, 2)  # another sender waits for nobody
    _hold(elsewhere, 1)


def test_a_holder_that_died_is_replaced(database: Database, tables: Tables) -> None:
    """Its lease ends by Postgres' clock, and the next caller goes on."""
    tables("INSERT INTO refresh_lease VALUES (1, gen_random_uuid(), now() + interval '0.3 s')")
    with RefreshLeases(database).hold(1, lease=10, deadline=Deadline(10)):
        assert tables("SELECT leased_until > now() + interval '5 s' FROM refresh_lease") == [
            (True,)
        ]
    assert tables("SELECT * FROM refresh_lease") == []


def test_the_lease_is_only_for_those_who_renew(database: Database, core: Mailcore) -> None:
    """Pages and other writers never wait for Google."""
    core.senders.register("alerts", by="t")
    with RefreshLeases(database).hold(1, lease=10, deadline=Deadline(1)):
        assert core.senders.update("alerts", project="p", by="t").project == "p"
        assert core.senders.page().matching == 1


def test_a_worker_forked_while_a_lease_is_held_is_not_stuck(database_url: str) -> None:
    """The parent is renewing in a thread when it forks: the child waits for Postgres alone."""
    script = """
import os
from mailcore import Settings
from mailcore.clock import Deadline
from mailcore.store.database import Database
from mailcore.store.refresh_lease import RefreshLeases
database = Database.from_settings(Settings())
leases = RefreshLeases(database)
deadline = Deadline(5)
with leases.hold(1, lease=10, deadline=deadline), leases.hold(2, lease=0.1, deadline=deadline):
    child = os.fork()
    if not child:
        with leases.hold(2, lease=10, deadline=deadline):
            database.close()
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
database.close()
"""
    assert output(start_script(script, {"DATABASE_URL": database_url})) == ""


def test_a_hundred_stale_senders_wait_for_google_alone(
    core: Mailcore, google: GoogleSandbox, tables: Tables
) -> None:
    """A slow token endpoint keeps no sender from Postgres: all renew, and pages answer."""
    aliases = [f"sender-{number}" for number in range(100)]
    core.senders.register(aliases[0], gmail_account=ACCOUNT, by="t")
    authorise(core, google, aliases[0])
    for alias in aliases[1:]:
        core.senders.register(alias, gmail_account=ACCOUNT, by="t")
    tables(
        "UPDATE sender SET generation = 1, status = 'healthy', token_json ="
        " (SELECT token_json FROM sender WHERE alias = 'sender-0')"
    )
    tables.make_access_tokens_stale()
    google.requests.reset()
    waiting = list(aliases)
    with google.hold("token") as gate:
        calls = meanwhile(lambda: at_once(100, lambda: core.access_token(waiting.pop())))
        gate.wait_for_arrivals(60, timeout=30)  # as many as the pool of connections takes
        assert core.senders.page().matching == 100
    tokens = calls()
    assert [token for token in tokens if not isinstance(token, str)] == []


def test_a_process_killed_while_renewing_holds_up_nobody_for_long(
    core: Mailcore,
    google: GoogleSandbox,
    authorised: str,
    environment: dict[str, str],
    tables: Tables,
) -> None:
    """Its lease is short, and ends by itself."""
    tables.make_access_tokens_stale()
    script = "from mailcore import access_token; access_token('alerts')"
    with google.hold("token") as gate:
        process = start_script(script, environment)
        gate.wait_for_arrivals(1, timeout=60)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        [(seconds,)] = tables("SELECT extract(epoch FROM leased_until - now()) FROM refresh_lease")
        assert 0 < float(str(seconds)) < 16
    tables("UPDATE refresh_lease SET leased_until = now() - interval '1 ms'")
    assert core.access_token(authorised)


def test_one_renewal_where_the_database_isolates_more(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables, database_url: str
) -> None:
    """With repeatable read as the default, callers still see what the first one stored."""
    name = conninfo_to_dict(database_url)["dbname"]
    tables(f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = 'repeatable read'")
    tables.make_access_tokens_stale()
    others = [Mailcore(core.settings) for _ in range(6)]
    asked = threading.Semaphore(0)

    def note(statement: str) -> None:
        if "INTO refresh_lease" in statement:
            asked.release()

    for each in others:
        note_statements(each, note)
    with google.hold("token") as gate:
        calls = [meanwhile(partial(each.access_token, authorised)) for each in others]
        gate.wait_for_arrivals(1)
        for _ in others:
            assert asked.acquire(timeout=30)
    assert len({call() for call in calls}) == 1
    assert google.requests.refreshes() == 1
    for each in others:
        each.close()


def _hold(leases: RefreshLeases, sender_id: int) -> None:
    with leases.hold(sender_id, lease=10, deadline=Deadline(0.2)):
        pass

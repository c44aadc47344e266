"""What jobs notice of the database: how it is reached, that it heals, and what they share."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr
from sqlalchemy import text

from mailcore import ConfigurationError, DatabaseUnavailable, Mailcore, Settings, TemporaryFailure
from mailcore.clock import Deadline
from mailcore.sandbox import GoogleSandbox
from mailcore.store.database import Database
from tests.support.driving import Tables, eventually
from tests.support.postgres_proxy import counting
from tests.support.processes import output, start_script


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database.from_settings(Settings(database_url=database_url))
    yield database
    database.close()


def reached(url: str) -> bool:
    core = Mailcore(Settings(database_url=url))
    try:
        return core.senders.page().matching == 0
    finally:
        core.close()


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_any_usual_url_reaches_the_database(database_url: str, scheme: str) -> None:
    """The address works as CloudNativePG, Heroku and SQLAlchemy write it."""
    parts = conninfo_to_dict(database_url)
    host = quote(str(parts["host"]), safe="")
    port = f"&port={parts['port']}" if "port" in parts else ""
    user, name = quote(str(parts["user"])), parts["dbname"]
    password = quote(str(parts.get("password") or "unused:@/"), safe="")

    assert reached(f"{scheme}://{user}:{password}@/{name}?host={host}{port}")
    if not port:
        assert reached(f"{scheme}://{user}:{password}@{host}/{name}")
    assert reached(f"{scheme}://{user}:{password}@/{name}?host={host}{port}&connect_timeout=3")


def test_a_server_that_is_down_is_told_at_once() -> None:
    """The error says which setting to look at, that nothing was sent, and no password."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, and not listening
        port = nobody.getsockname()[1]
        core = Mailcore(Settings(database_url=f"postgresql://u:hunter2@127.0.0.1:{port}/db"))
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailable, match=r"DATABASE_URL.*Trying again.*safe") as seen:
            core.senders.page()

    assert time.monotonic() - began < 10
    assert isinstance(seen.value, TemporaryFailure)
    assert "hunter2" not in str(seen.value)


def test_a_database_that_does_not_exist(postgres_server: str) -> None:
    """A wrong name is told as Postgres tells it."""
    url = postgres_server.replace("/postgres?", "/no_such_database?")
    with pytest.raises(DatabaseUnavailable, match="no_such_database"):
        Mailcore(Settings(database_url=url)).senders.page()


def test_missing_tables_are_told_with_the_remedy(empty_database_url: str) -> None:
    """Who forgot to migrate reads how to."""
    core = Mailcore(Settings(database_url=empty_database_url))
    with pytest.raises(ConfigurationError, match="pal-e-mail migrate"):
        core.senders.page()
    with pytest.raises(ConfigurationError, match="pal-e-mail migrate"):
        core.access_token("alerts")
    core.close()


def test_a_user_without_rights_is_told_so(database_url: str, tables: Tables) -> None:
    """A grant that was forgotten is a matter of the set-up, not a traceback of the driver's."""
    role = f"reader_{os.getpid()}_{time.monotonic_ns()}"
    tables(f"CREATE ROLE {role} LOGIN")
    try:
        url = f"{database_url}&user={role}".replace("postgresql://postgres@", "postgresql://")
        core = Mailcore(Settings(database_url=url))
        with pytest.raises(ConfigurationError, match=r"lacks a privilege: permission denied"):
            core.senders.page()
        core.close()
    finally:
        tables(f"DROP ROLE {role}")


def test_a_restart_between_two_uses_goes_unnoticed(core: Mailcore, tables: Tables) -> None:
    """Every pooled connection was closed by the server: the next use opens new ones."""
    with core._database.transaction(), core._database.transaction():
        pass  # two connections in the pool
    tables(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    others = (
        "SELECT 1 FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    eventually(lambda: not tables(others))

    for _ in range(3):
        assert core.senders.page().matching == 0


def test_a_connection_lost_in_the_middle_is_temporary(database: Database, tables: Tables) -> None:
    """The job hears that trying again is safe, and trying again works."""

    def lose() -> None:
        with database.transaction() as connection:
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            tables("SELECT pg_terminate_backend(%s)", pid)
            connection.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnavailable):
        lose()

    with database.statement() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_a_job_with_a_thousand_open_files_still_reaches_it(database_url: str) -> None:
    """select(2) knows no descriptor above 1023; a busy server has them."""
    script = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (2048, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
from mailcore import Mailcore
core = Mailcore()
held = [os.open("/dev/null", os.O_RDONLY) for _ in range(1100)]
print(*(core.senders.page().matching for _ in range(2)))
core.close()
"""
    assert output(start_script(script, {"DATABASE_URL": database_url})) == "0 0"


def test_a_forked_worker_shares_no_connection(database_url: str, tables: Tables) -> None:
    """Parent and child use the same Mailcore at the same time, on connections of their own."""
    script = """
import os
from sqlalchemy import text
from mailcore import Mailcore
core = Mailcore()
def backend():
    with core._database.transaction() as connection:
        return connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
before = backend()
reading, writing = os.pipe()
child = os.fork()
if not child:
    os.write(writing, str(backend()).encode())
    core.senders.register("from-the-child", by="job")
    core.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert backend() == before, "the parent lost its connection"
core.close()
print(before != int(os.read(reading, 20)))
"""
    assert output(start_script(script, {"DATABASE_URL": database_url})) == "True"
    assert tables("SELECT alias FROM sender") == [("from-the-child",)]


@pytest.mark.parametrize("pooled", [True, False], ids=["by way of a pooler", "directly"])
def test_nothing_stands_in_the_way_of_pgbouncer(
    core: Mailcore, google: GoogleSandbox, authorised: str, database_url: str, *, pooled: bool
) -> None:
    """In transaction mode a prepared statement or a session's lock would be another client's.

    Where the session is one's own, what is sent with every message is planned once.
    """
    with counting(database_url, pooled=pooled) as (url, _):
        settings = core.settings.model_copy(update={"database_url": SecretStr(url)})
        with closing(Mailcore(settings)) as over:
            for _ in range(8):
                over.senders.page()
                over.senders.get(authorised)
                over.check(authorised)
                over.send_email(authorised, to="ops@example.com", subject="s", text="t")

            with over._database.connection() as connection:
                prepared = connection.run("SELECT statement FROM pg_prepared_statements").fetchall()
                assert any("INTO delivery" in row.statement for row in prepared) is not pooled
                assert not pooled or not prepared
                locks = "SELECT count(*) AS held FROM pg_locks WHERE locktype = 'advisory'"
                assert connection.run(locks).fetchone().held == 0  # type: ignore[union-attr]
            with over._database.transaction() as connection:
                assert connection.execute(text("SHOW statement_timeout")).scalar_one() == "0"


def test_looking_at_a_sender_waits_for_nobody(core: Mailcore, database_url: str) -> None:
    """Someone is writing to it in a long transaction: the page shows what was before."""
    core.senders.register("alerts", by="t")
    with psycopg.connect(database_url) as writer:
        writer.execute("UPDATE sender SET project = 'p'")
        assert core.senders.get("alerts").project is None
        writer.rollback()


def test_a_table_that_is_locked_elsewhere_ends_a_statement_in_time(
    database: Database, database_url: str
) -> None:
    """The caller's time counts, the error names the remedy, and the connection is as before."""
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE sender")
        began = time.monotonic()
        with (
            pytest.raises(DatabaseUnavailable, match=r"not answer in time.*pg_stat_activity"),
            database.statement(Deadline(0.2)) as connection,
        ):
            connection.execute(text("SELECT count(*) FROM sender"))
        assert time.monotonic() - began < 2
        other.rollback()
    with database.statement() as connection:
        assert connection.execute(text("SELECT count(*) FROM sender")).scalar_one() == 0
    with database.transaction() as connection:
        assert connection.execute(text("SHOW statement_timeout")).scalar_one() == "0"


def test_a_lock_held_elsewhere_ends_every_statement_of_a_send_in_time(
    database: Database, database_url: str, tables: Tables
) -> None:
    """Sent in a batch, plain, prepared, in a transaction: Postgres ends it, nothing lingers."""
    counting_all = "SELECT count(*) AS found FROM sender"
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with psycopg.connect(database_url) as other:
        for _ in range(4):
            other.execute("LOCK TABLE sender")
            began = time.monotonic()
            with (
                pytest.raises(DatabaseUnavailable, match=r"not answer in time.*pg_stat_activity"),
                database.connection(Deadline(0.3)) as connection,
            ):
                connection.run(counting_all)
            with (
                pytest.raises(DatabaseUnavailable, match=r"not answer in time.*pg_stat_activity"),
                database.connection(Deadline(0.3)) as connection,
                connection.transaction(),
            ):
                connection.run(counting_all)
            assert time.monotonic() - began < 2
            assert not tables(waiting)
            other.rollback()
            with database.connection() as connection:
                assert connection.run(counting_all).fetchone() == (0,)
    assert len(database._idle) == 1  # the one connection was never lost


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_the_isolation_is_ours_and_not_the_databases(
    database_url: str, tables: Tables, isolation: str
) -> None:
    """A database with another default changes nothing: what others committed is seen."""
    name = conninfo_to_dict(database_url)["dbname"]
    tables(f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = '{isolation}'")
    database = Database.from_settings(Settings(database_url=database_url))
    show = text("SHOW transaction_isolation")
    for _ in range(3):
        with database.connection() as own:
            assert own.run("SHOW transaction_isolation").fetchone() == ("read committed",)
            with own.transaction():
                assert own.run("SHOW transaction_isolation").fetchone() == ("read committed",)
    with database.statement() as connection:
        assert connection.execute(show).scalar_one() == "read committed"
    with database.transaction() as connection:
        assert connection.execute(show).scalar_one() == "read committed"
    with database.session() as session:
        assert session.connection().execute(show).scalar_one() == "read committed"
    database.close()


def test_an_error_is_told_once_and_the_connection_goes_on(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """What Postgres refuses says why, without noise in the job's log."""
    for _ in range(20):
        with (
            pytest.raises(ConfigurationError, match="migrate"),
            database.statement() as connection,
        ):
            connection.execute(text("SELECT * FROM no_such_table"))
    with database.statement() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    assert caplog.messages == []


def test_no_value_reaches_the_servers_log(database: Database, tables: Tables) -> None:
    """Postgres logs statements that fail or run: a token in one would stay there."""
    seen = text("SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid() AND :secret <> ''")
    with database.statement() as connection:
        assert "ya29.secret" not in connection.execute(seen, {"secret": "ya29.secret"}).scalar_one()

"""Migrations: up, down, up again; in agreement with the models; one process at a time."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import event, inspect

from mailcore import ConfigurationError, Mailcore, Settings
from mailcore.store.migrate import migration_config, newest_revision
from tests.support.driving import Tables, at_once
from tests.support.processes import output, start_script


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Mailcore]:
    core = Mailcore(Settings(database_url=empty_database_url))
    yield core
    core.close()


def run(core: Mailcore, what: str, *arguments: str) -> None:
    with core._database.transaction() as connection:
        config = migration_config()
        config.attributes["connection"] = connection
        getattr(command, what)(config, *arguments)


def schema(core: Mailcore) -> object:
    """Every table with its columns, indexes and checks, in a form that compares."""
    with core._database.statement() as connection:
        seen = inspect(connection)
        return {
            table: (
                [(column["name"], str(column["type"]), column["nullable"]) for column in columns],
                sorted(index["name"] or "" for index in seen.get_indexes(table)),
                sorted(str(check["name"]) for check in seen.get_check_constraints(table)),
                sorted(
                    str(unique["column_names"]) for unique in seen.get_unique_constraints(table)
                ),
            )
            for table in seen.get_table_names()
            for columns in [seen.get_columns(table)]
        }


def test_the_newest_file_is_the_last_migration() -> None:
    """Whether the tables are up to date is told by the files' names, without loading Alembic."""
    assert newest_revision() == ScriptDirectory.from_config(migration_config()).get_current_head()


def test_a_migrations_lock_ends_with_its_transaction(empty: Mailcore) -> None:
    """A pooler hands the session on after COMMIT: a lock of the session's would go with it."""
    statements: list[str] = []
    event.listen(
        empty._database.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: statements.append(statement),
    )
    empty.migrate()

    locks = [statement for statement in statements if "advisory" in statement]
    assert locks
    assert all("pg_advisory_xact_lock(" in statement for statement in locks)


def test_the_tables_of_anothers_engine_are_left_alone(
    empty: Mailcore, empty_database_url: str
) -> None:
    """It says so before it changes anything, and the schema that it advises works."""
    tables = Tables(empty_database_url)
    tables("CREATE TABLE procrastinate_jobs (id int)")
    with pytest.raises(ConfigurationError, match="schema of its own"):
        empty.migrate()
    assert tables("SELECT to_regclass('sender')") == [(None,)]

    tables("CREATE SCHEMA palemail")
    elsewhere = f"{empty_database_url}&options=-csearch_path%3Dpalemail"
    with closing(Mailcore(Settings(database_url=elsewhere))) as core:
        assert core.migrate()
        core.senders.register("alerts", by="t")
    assert tables("SELECT alias FROM palemail.sender") == [("alerts",)]


def test_up_down_and_up_again(empty: Mailcore) -> None:
    """A release can be taken back and brought out again."""
    assert not empty.is_migrated()
    assert empty.migrate()
    assert empty.is_migrated()
    first = schema(empty)
    assert isinstance(first, dict)
    assert {"sender", "delivery", "sender_event"} <= set(first)

    run(empty, "downgrade", "base")
    assert schema(empty) == {"alembic_version": first["alembic_version"]}
    assert not empty.is_migrated()

    assert empty.migrate()
    assert schema(empty) == first


def test_a_second_migration_has_nothing_to_do(core: Mailcore) -> None:
    """Every start of the program may migrate."""
    assert core.is_migrated()
    assert not core.migrate()


def test_models_and_migrations_agree(core: Mailcore) -> None:
    """Nobody changed a model without a migration; raises what differs."""
    run(core, "check")


def test_two_who_migrate_at_once_do_it_once(empty: Mailcore) -> None:
    """Two replicas start on an empty database: one migrates, one waits, both go on."""
    outcomes = at_once(4, empty.migrate)
    assert sorted(map(str, outcomes)) == ["False", "False", "False", "True"]


def test_two_processes_that_migrate_at_once(empty_database_url: str) -> None:
    """The same on two machines."""
    script = """
import sys
from mailcore import Mailcore
core = Mailcore()
print("ready", flush=True)
sys.stdin.readline()
print(core.migrate())
core.close()
"""
    jobs = [start_script(script, {"DATABASE_URL": empty_database_url}) for _ in range(2)]
    for process in jobs:
        assert process.stdout is not None
        process.stdout.readline()
    for process in jobs:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert sorted(output(process) for process in jobs) == ["False", "True"]


def test_the_tables_refuse_what_no_state_is(core: Mailcore, tables: Tables) -> None:
    """A mistake in a hand-written UPDATE is refused by the database itself."""
    core.senders.register("alerts", by="t")
    with pytest.raises(Exception, match="sender_status"):
        tables("UPDATE sender SET status = 'HEALTHY'")

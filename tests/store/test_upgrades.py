"""From every earlier schema to the newest, with what was stored in it."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from uuid import uuid4

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from pydantic import SecretStr

from mailcore import Mailcore, SenderStatus, now
from mailcore.google.credentials import Grant
from mailcore.sandbox import GoogleSandbox
from mailcore.store.migrate import migration_config
from tests.support.authorise import ACCOUNT
from tests.support.driving import Tables
from tests.support.steps import deliveries, send

_SCRIPTS = ScriptDirectory.from_config(migration_config())
EARLIER = sorted(each.revision for each in _SCRIPTS.walk_revisions())[:-1]

#: What every version writes.
WRITTEN = ("sender", "delivery", "authorization_request", "reauth_ticket", "sender_event")

#: What a column of a type holds where it must hold something.
_FILLERS = {
    "text": "x",
    "character varying": "x",
    "timestamp with time zone": now(),
    "integer": 0,
    "bigint": 0,
    "double precision": 0.0,
    "boolean": False,
    "ARRAY": [],
    "uuid": uuid4(),
}


@pytest.fixture
def upgraded(core: Mailcore, empty_database_url: str) -> Iterator[Mailcore]:
    """A deployment without any tables yet."""
    url = SecretStr(empty_database_url)
    with closing(Mailcore(core.settings.model_copy(update={"database_url": url}))) as made:
        yield made


@pytest.mark.parametrize("revision", EARLIER)
def test_what_an_older_version_stored_goes_on(
    upgraded: Mailcore, google: GoogleSandbox, empty_database_url: str, revision: str
) -> None:
    """Its senders send and its deliveries are listed; and it goes on writing beside the newer."""
    with upgraded._database.transaction() as connection:
        config = migration_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    tables = Tables(empty_database_url)
    known = {table: _columns(tables, table) for table in WRITTEN}
    _store(tables, known, google, "alerts")

    assert upgraded.migrate()
    assert send(upgraded).alias == "alerts"
    assert upgraded.check("alerts").status is SenderStatus.HEALTHY
    assert {row.subject for row in deliveries(upgraded)} == {"Disk is full", "An old message"}

    _store(tables, known, google, "of-the-older")
    assert send(upgraded, "of-the-older")
    assert len(google.outbox) == 2


def _store(
    tables: Tables, known: dict[str, dict[str, str]], google: GoogleSandbox, alias: str
) -> None:
    """Write what a version would that knows only these columns."""
    tokens = google.issue_grant(ACCOUNT)
    grant = Grant(refresh_token=tokens["refresh_token"], scopes=tuple(tokens["scope"].split()))
    sender = {
        "alias": alias,
        "gmail_account": ACCOUNT,
        "status": "healthy",
        "generation": 1,
        "token_json": grant.to_json(),
    }
    delivery = {
        "id": uuid4(),
        "alias": alias,
        "subject": "An old message",
        "message_id": f"<{uuid4()}@example.com>",
        "status": "sent",
        "recipients": ["ann@example.com"],
    }
    _insert(tables, "sender", known["sender"], sender)
    _insert(tables, "delivery", known["delivery"], delivery)
    request = {"id": uuid4(), "state_hash": f"{uuid4()}", "alias": alias, "outcome": "waiting"}
    _insert(tables, "authorization_request", known["authorization_request"], request)
    ticket = {"ticket_hash": f"{uuid4()}", "alias": alias}
    _insert(tables, "reauth_ticket", known["reauth_ticket"], ticket)
    _insert(tables, "sender_event", known["sender_event"], {"alias": alias})


def _columns(tables: Tables, table: str) -> dict[str, str]:
    """The columns that a writer has to give, with their types."""
    return {
        str(name): str(kind)
        for name, kind in tables(
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_name = %s AND is_nullable = 'NO' AND column_default IS NULL",
            table,
        )
    }


def _insert(
    tables: Tables, table: str, needed: dict[str, str], values: Mapping[str, object]
) -> None:
    filled = {**{name: _FILLERS[kind] for name, kind in needed.items()}, **values}
    names = ", ".join(filled)
    marks = ", ".join(["%s"] * len(filled))
    tables(f"INSERT INTO {table} ({names}) VALUES ({marks})", *filled.values())  # noqa: S608

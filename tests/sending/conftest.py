"""What the tests of sending share: an authorised sender."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from mailcore import Mailcore, Sender
from mailcore.sandbox import GoogleSandbox
from tests.support.authorise import healthy_sender
from tests.support.outages import Closable


@pytest.fixture
def alerts(core: Mailcore, google: GoogleSandbox) -> Sender:
    """The sender *alerts*, registered and authorised as a person does it."""
    return healthy_sender(core, google)


@pytest.fixture
def database(postgres_server: str, database_url: str) -> Iterator[Closable]:
    """The test's database, for closing it."""
    name = conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(postgres_server, autocommit=True) as server:
        yield Closable(server, str(name))

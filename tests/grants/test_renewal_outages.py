"""What Google said about a grant is not lost with a connection to Postgres."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from mailcore import Mailcore, SenderStatus
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.driving import Tables
from tests.support.outages import Closable
from tests.support.postgres_proxy import counting


@pytest.fixture
def database(postgres_server: str, database_url: str) -> Iterator[Closable]:
    """The test's database, for closing it."""
    name = conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(postgres_server, autocommit=True) as server:
        yield Closable(server, str(name))


@pytest.mark.parametrize("refused", [False, True], ids=["renewed", "refused"])
def test_an_outage_in_mid_renewal_loses_nothing(
    core: Mailcore, google: GoogleSandbox, authorised: str, database: Closable, *, refused: bool
) -> None:
    """Postgres restarts while Google is asked: one request, and what came of it is stored."""
    google.requests.reset()
    if refused:
        google.fail("token", faults.INVALID_GRANT)
    with google.hold("token", at="answer") as gate, ThreadPoolExecutor(1) as pool:
        checking = pool.submit(core.check, authorised)
        gate.wait_for_arrivals(1)
        database.close()
        gate.release()
        with pytest.raises(TimeoutError):
            checking.result(timeout=0.5)
        database.mend()
        status = checking.result().status
    assert status is (SenderStatus.EXPIRED if refused else SenderStatus.HEALTHY)
    assert google.requests.refreshes() == 1


def test_a_lease_whose_answer_is_lost_blocks_nobody(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables, database_url: str
) -> None:
    """Postgres gave the lease and could not say so: it is the same caller's at once."""
    tables.make_access_tokens_stale()
    with counting(database_url) as (url, line):
        settings = core.settings.model_copy(update={"database_url": SecretStr(url)})
        with closing(Mailcore(settings)) as elsewhere:
            elsewhere.senders.get(authorised)
            line.lose = b"INTO refresh_lease"
            assert elsewhere.access_token(authorised)
    assert line.lose is None
    assert tables("SELECT * FROM refresh_lease") == []

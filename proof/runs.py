"""The runs: where each gets its database and its stand-in for Google from."""

import random
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier
from pydantic import SecretStr

from mailcore import Mailcore, Settings
from mailcore.sandbox import GoogleSandbox
from proof import matrix
from proof.chaos import Chaos, Ledger
from proof.place import deployment
from tests.support import postgres
from tests.support.driving import Tables
from tests.support.swallowing import swallowing


def try_matrix(server: str, wanted: list[matrix.Case], *, proxied: bool) -> Iterator[matrix.Cell]:
    """Try cells of the matrix on a database of their own; yield each as it is done.

    Args:
        server: the address of a Postgres on which databases may be made.
        wanted: some of `matrix.cases`.
        proxied: programs reach Google through a proxy.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        database(server) as url,
        deployment(url, Path(folder), proxied=proxied) as place,
    ):
        yield from matrix.run(place, wanted)


def try_chaos(seconds: float, *, seed: int) -> Ledger:
    """Let everything go wrong for so long.

    Args:
        seconds: for how long.
        seed: what goes wrong when.
    """
    with (
        postgres.crashing() as server,
        database(server.url) as url,
        swallowing(url) as (lossy, line),
        GoogleSandbox(grant_days=None) as google,
    ):
        variables = google.environment
        settings = Settings(
            database_url=SecretStr(url),
            google_client_id=google.client_id,
            google_client_secret=SecretStr(google.client_secret),
            google_auth_uri=google.auth_uri,
            google_token_uri=google.token_uri,
            google_revoke_uri=variables["PALEMAIL_GOOGLE_REVOKE_URI"],
            gmail_api_endpoint=variables["PALEMAIL_GMAIL_API_ENDPOINT"],
        )
        through_the_line = settings.model_copy(update={"database_url": SecretStr(lossy)})
        with closing(Mailcore(settings)) as core, closing(Mailcore(through_the_line)) as jobs:
            core.migrate()
            chaos = Chaos(
                core=core,
                jobs=jobs,
                google=google,
                environment={**variables, "DATABASE_URL": lossy},
                server=server,
                line=line,
                tables=Tables(url),
                chance=random.Random(seed),  # noqa: S311 - the same course every time
            )
            return chaos.run(seconds)


@contextmanager
def database(server: str) -> Iterator[str]:
    """Make a database, and yield its address."""
    name = f"proof_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    parts = conninfo_to_dict(server)
    port = f"&port={parts['port']}" if parts.get("port") else ""
    user, host = parts.get("user", "postgres"), parts.get("host", "localhost")
    yield f"postgresql://{user}@/{name}?host={host}{port}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))

"""What every test may ask for: a real Postgres, a Google stand-in, and a Mailcore on both."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import hypothesis
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from mailcore import SETTING_EXAMPLES, Mailcore, Settings
from mailcore.sandbox import GoogleSandbox
from tests.support import fast, postgres
from tests.support.authorise import ACCOUNT, authorise
from tests.support.driving import Tables

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.support.browser import Launched

# How long an example takes says more of the machine's load than of the code.
hypothesis.settings.register_profile("without a clock", deadline=None)
hypothesis.settings.load_profile("without a clock")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="leave out what needs other programs")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: while one waits for a browser or a clock, another works."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the slow tests where asked to."""
    if config.getoption("--fast"):
        left_out = [item for item in items if not fast.is_fast(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if fast.is_fast(item)]
        fast.forbid_processes()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drop the settings of the machine that runs the tests."""
    for name in SETTING_EXAMPLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with postgres.server() as url:
        yield url


@pytest.fixture(scope="session")
def template(postgres_server: str) -> Iterator[str]:
    """The tables, built once; each test gets a copy."""
    name = f"template_{uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        core = Mailcore(Settings(database_url=_database(postgres_server, name)))
        core.migrate()
        core.close()
        yield name
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture
def empty_database_url(postgres_server: str) -> Iterator[str]:
    """A database without any tables."""
    yield from _fresh(postgres_server, "template0")


@pytest.fixture
def database_url(postgres_server: str, template: str) -> Iterator[str]:
    """A database of this test's own, migrated and empty."""
    yield from _fresh(postgres_server, template)


@pytest.fixture
def google() -> Iterator[GoogleSandbox]:
    """A stand-in for Google, with a few accounts and a 7-day limit as in Testing."""
    with GoogleSandbox(grant_days=7) as sandbox:
        yield sandbox


@pytest.fixture
def environment(database_url: str, google: GoogleSandbox, tmp_path: Path) -> dict[str, str]:
    """The variables that a program of this deployment would run with."""
    return {
        **google.environment,
        "DATABASE_URL": database_url,
        "GMAIL_SECRETS_DIR": str(tmp_path / "secrets"),
        "PALEMAIL_DATA_DIR": str(tmp_path / "data"),
    }


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings()


@pytest.fixture
def core(settings: Settings) -> Iterator[Mailcore]:
    """A deployment on this test's database and Google."""
    mailcore = Mailcore(settings)
    yield mailcore
    mailcore.close()


@pytest.fixture(scope="session")
def browser_process() -> Iterator["Launched"]:
    """The browser of all tests."""
    # Loaded when it is asked for: most tests need no browser.
    from tests.support.browser import launched  # noqa: PLC0415

    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def chromium(browser_process: "Launched") -> Iterator["Browser"]:
    """A browser, for pages in contexts of their own."""
    with browser_process.driven() as windows:
        yield windows.browser


@pytest.fixture
def window(chromium: "Browser", browser_process: "Launched") -> Iterator[Callable[..., "Page"]]:
    """Take windows of the browser, each with cookies of its own; ``phone`` makes them small."""
    with browser_process.windows.lent() as take:
        yield take


@pytest.fixture
def tables(database_url: str) -> Tables:
    """A look into the database."""
    return Tables(database_url)


@pytest.fixture
def authorised(core: Mailcore, google: GoogleSandbox) -> str:
    """The alias of a healthy sender."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="ann@example.com")
    authorise(core, google)
    return "alerts"


def _fresh(server: str, template: str) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template))
        )
        yield _database(server, name)
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def _database(server: str, name: str) -> str:
    """Return the server's address with another database."""
    parts = conninfo_to_dict(server)
    user, host = parts.get("user", "postgres"), parts.get("host", "localhost")
    password = f":{parts['password']}" if parts.get("password") else ""
    port = f"&port={parts['port']}" if parts.get("port") else ""
    return f"postgresql://{user}{password}@/{name}?host={host}{port}"

"""A healthy sender, and a look into the database."""

import pytest

from mailcore import EXAMPLES, Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.core.driving import ACCOUNT, Tables, authorise


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine that runs the tests has set itself."""
    for name in EXAMPLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def tables(database_url: str) -> Tables:
    return Tables(database_url)


@pytest.fixture
def authorised(core: Mailcore, google: GoogleSandbox) -> str:
    """The alias of a healthy sender."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="ann@example.com")
    authorise(core, google)
    return "alerts"

"""The installed command on a deployment of the test's own."""

from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.cli.running import Cli

ACCOUNT = "alerts@example.com"


@pytest.fixture
def cli(environment: dict[str, str]) -> Cli:
    return Cli(environment)


@pytest.fixture
def authorise(core: Mailcore, google: GoogleSandbox) -> Callable[[str], None]:
    """Consent on behalf of a registered sender."""

    def consent(alias: str) -> None:
        begun = core.authorizations.begin(alias, by="test")
        back = dict(parse_qsl(urlsplit(google.consent(begun.url)).query))
        core.authorizations.complete(state=back["state"], code=back["code"], error=None)

    return consent


@pytest.fixture
def alerts(core: Mailcore, authorise: Callable[[str], None]) -> str:
    """The alias of a healthy sender."""
    core.senders.register("alerts", gmail_account=ACCOUNT, project="ops", by="test")
    authorise("alerts")
    return "alerts"

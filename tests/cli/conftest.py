"""The installed command on a deployment of the test's own."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.cli.running import Cli
from tests.support.authorise import ACCOUNT
from tests.support.authorise import authorise as reauthorise


@pytest.fixture
def data() -> Iterator[Path]:
    """A data directory that the embedded Postgres can be started in.

    As root it runs as another user, to whom pytest closes its own directories.
    """
    directory = Path(tempfile.mkdtemp(prefix="pem-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def embedded(environment: dict[str, str], data: Path) -> dict[str, str]:
    """The variables of a deployment without a DATABASE_URL."""
    given = {name: value for name, value in environment.items() if name != "DATABASE_URL"}
    return {**given, "PALEMAIL_DATA_DIR": str(data)}


@pytest.fixture
def cli(environment: dict[str, str]) -> Cli:
    return Cli(environment)


@pytest.fixture
def authorise(core: Mailcore, google: GoogleSandbox) -> Callable[[str], None]:
    """Consent on behalf of a registered sender."""

    def consent(alias: str) -> None:
        reauthorise(core, google, alias)

    return consent


@pytest.fixture
def alerts(core: Mailcore, authorise: Callable[[str], None]) -> str:
    """The alias of a healthy sender."""
    core.senders.register("alerts", gmail_account=ACCOUNT, project="ops", by="test")
    authorise("alerts")
    return "alerts"

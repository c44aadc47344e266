"""The callback's application on a real database and a stand-in for Google."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from starlette.testclient import TestClient

from callback import create_app
from mailcore import Mailcore, Settings
from mailcore.sandbox import GoogleSandbox
from tests.callback.browsing import API_KEY, KEYS
from tests.support.authorise import ACCOUNT, come_back


@pytest.fixture
def mailcore_with(settings: Settings) -> Iterator[Callable[..., Mailcore]]:
    """Makes further deployments, the test's own but for some settings, and closes them all."""
    with ExitStack() as made:

        def make(**changes: object) -> Mailcore:
            return made.enter_context(closing(Mailcore(settings.model_copy(update=changes))))

        yield make


@pytest.fixture
def keyed_core(mailcore_with: Callable[..., Mailcore]) -> Mailcore:
    """The deployment, with an API key called ``ci``."""
    return mailcore_with(api_keys=KEYS)


@pytest.fixture
def browser(keyed_core: Mailcore) -> Iterator[TestClient]:
    """A person's browser, which follows redirects and keeps cookies."""
    app = create_app(keyed_core)
    with TestClient(app, base_url=keyed_core.settings.public_url) as client:
        yield client


@pytest.fixture
def api(keyed_core: Mailcore) -> Iterator[TestClient]:
    """A program that has the key."""
    headers = {"Authorization": f"Bearer {API_KEY}"}
    app = create_app(keyed_core)
    with TestClient(app, base_url=keyed_core.settings.public_url, headers=headers) as client:
        yield client


@pytest.fixture
def authorised(core: Mailcore, google: GoogleSandbox) -> str:
    """The alias of a sender that is healthy."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="test")
    come_back(core, google.consent(core.authorizations.begin("alerts", by="test").url))
    return "alerts"

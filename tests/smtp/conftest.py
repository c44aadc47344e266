"""An SMTP server on a real database, and a worker's hand to send what it takes."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from mailcore import Mailcore, Settings
from mailcore.sandbox import GoogleSandbox
from mailcore.smtp.server import SmtpOptions, serving
from tests.support.authorise import healthy_sender

KEY, READER = "s" * 40, "r" * 40
API_KEYS = Settings(api_keys=f"app/send/alerts:{KEY},reader/read:{READER}").api_keys


@pytest.fixture
def keyed(settings: Settings) -> Iterator[Mailcore]:
    """The deployment, with a key that may send through *alerts*."""
    with closing(Mailcore(settings.model_copy(update={"api_keys": API_KEYS}))) as core:
        yield core


@pytest.fixture
def alerts(core: Mailcore, google: GoogleSandbox) -> str:
    """A sender that is healthy."""
    return healthy_sender(core, google).alias


@pytest.fixture
def port(keyed: Mailcore) -> Iterator[int]:
    """Where the server listens, on loopback and without TLS."""
    with serving(keyed, SmtpOptions(port=0)) as port:
        yield port

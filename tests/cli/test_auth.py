"""`auth`: a re-auth from the terminal. The tests play the person and the callback."""

import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from mailcore import AuthorizationError, Mailcore, SenderStatus
from mailcore.sandbox import GoogleSandbox
from tests.cli.running import Running, started
from tests.support.authorise import ACCOUNT
from tests.support.ports import free_port


@pytest.fixture
def waiting(core: Mailcore, environment: dict[str, str], tmp_path: Path) -> Iterator[Running]:
    """`pal-e-mail auth alerts`, with its link printed and nobody at the callback's address."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="test")
    nowhere = {**environment, "PALEMAIL_PUBLIC_URL": f"http://localhost:{free_port()}"}
    with started(
        "auth", "alerts", environment=nowhere, until="http", log=tmp_path / "log"
    ) as running:
        yield running


def answer(core: Mailcore, back: str) -> None:
    """Take in Google's answer, as the callback does."""
    query = dict(parse_qsl(urlsplit(back).query))
    core.authorizations.complete(
        state=query["state"], code=query.get("code"), error=query.get("error")
    )


def test_consent(core: Mailcore, google: GoogleSandbox, waiting: Running) -> None:
    """The link alone is on stdout; once the person has consented, the command says so."""
    answer(core, google.consent(waiting.line))
    assert waiting.wait() == 0
    assert "alerts is healthy" in waiting.log.read_text()
    assert core.senders.get("alerts").status is SenderStatus.HEALTHY


def test_nobody_listens(waiting: Running) -> None:
    """Where Google's answer would go nowhere, the command warns before the person clicks."""
    assert "Warning: nothing answers at http://localhost:" in waiting.log.read_text()
    waiting.stop(signal.SIGINT)


def test_cancelled(core: Mailcore, google: GoogleSandbox, waiting: Running) -> None:
    """A refused consent ends with 77 and the reason."""
    with pytest.raises(AuthorizationError) as refusal:
        answer(core, google.consent(waiting.line, cancel=True))
    assert waiting.wait() == 77
    assert refusal.value.message in waiting.log.read_text()


def test_wrong_account(core: Mailcore, google: GoogleSandbox, waiting: Running) -> None:
    """Another account's consent is named as such."""
    with pytest.raises(AuthorizationError):
        answer(core, google.consent(waiting.line, "billing@example.com"))
    assert waiting.wait() == 77
    assert "billing@example.com" in waiting.log.read_text()


def test_interrupted(waiting: Running) -> None:
    """Ctrl-C ends the waiting without a traceback; the link stays good."""
    assert waiting.stop(signal.SIGINT) == 130
    said = waiting.log.read_text()
    assert "The link still works" in said
    assert "Traceback" not in said

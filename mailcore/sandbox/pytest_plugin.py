"""A pytest plugin for tests of jobs that send mail, without Google.

It comes with ``pip install 'pal-e-mail[sandbox,embedded]'``; pytest finds it by itself. A
test that asks for the fixture ``gmail_sandbox`` has a deployment of its own, in which
``mailcore.send_email`` really sends, over HTTP, to a stand-in for Gmail::

    from mailcore.sandbox import faults

    def test_the_report_is_mailed(gmail_sandbox):
        gmail_sandbox.add_sender("alerts")

        run_the_nightly_job()                  # calls send_email("alerts", …)

        [mail] = gmail_sandbox.outbox
        assert mail.subject == "Nightly report"
        assert mail.recipients == ["ops@example.com"]
        assert "94 %" in mail.email.get_body().get_content()

    def test_the_job_survives_an_expired_sender(gmail_sandbox):
        gmail_sandbox.add_sender("alerts")
        gmail_sandbox.expire("alerts")         # the next mail raises ReauthRequired
        run_the_nightly_job()
        assert gmail_sandbox.outbox == []

    def test_the_job_survives_a_busy_gmail(gmail_sandbox):
        gmail_sandbox.add_sender("alerts")
        gmail_sandbox.google.fail("send", faults.SERVICE_UNAVAILABLE, times=2)
        run_the_nightly_job()
        assert len(gmail_sandbox.outbox) == 1

``gmail_sandbox.google`` is a `mailcore.sandbox.GoogleSandbox`, which can fail in every way that
Google does; ``gmail_sandbox.mailcore`` shows senders and deliveries. During the test, the
environment points to both (``DATABASE_URL``, ``GOOGLE_CLIENT_ID`` and the others), so programs
that the test starts send there too.

Postgres is real: on the server of ``TEST_DATABASE_URL`` if that is set (its user must be
allowed to create databases; no existing one is touched), else an embedded one, which takes a
second once in a test run.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mailcore.sandbox.deployment_sandbox import Databases, DeploymentSandbox

# What the fixtures need is imported in them: pytest loads this module in every run.


@pytest.fixture(scope="session")
def _gmail_sandbox_databases() -> "Iterator[Databases]":
    from mailcore.sandbox.deployment_sandbox import Databases  # noqa: PLC0415 - see above

    with Databases.served() as databases:
        yield databases


@pytest.fixture
def gmail_sandbox(
    _gmail_sandbox_databases: "Databases", monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> "Iterator[DeploymentSandbox]":
    """A deployment for this test alone, in which `mailcore.send_email` sends to no one."""
    from mailcore import default  # noqa: PLC0415 - see above
    from mailcore.sandbox import DeploymentSandbox, GoogleSandbox  # noqa: PLC0415 - see above

    with GoogleSandbox(accounts=[]) as google, _gmail_sandbox_databases.fresh() as database_url:
        environment = {
            **google.environment,
            "DATABASE_URL": database_url,
            "GMAIL_SECRETS_DIR": str(tmp_path / "gmail-secrets"),
            "PALEMAIL_DATA_DIR": str(tmp_path / "pal-e-mail"),
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        default.cache_clear()  # whatever was used before the test has other settings
        yield DeploymentSandbox(google=google, mailcore=default())
        default().close()
        default.cache_clear()

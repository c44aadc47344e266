"""Whichever way a program sends: its sender has expired, and after one re-auth all arrives once."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import httpx2
import pytest
from django.core import mail

from mailcore import Mailcore, Settings
from mailcore.sandbox import GoogleSandbox
from mailcore.smtp.server import SmtpOptions, serving
from tests.callback.browsing import API_KEY, KEYS, served
from tests.support.authorise import ACCOUNT, authorise, healthy_sender
from tests.support.django_project import project
from tests.support.steps import send
from tests.support.worker_process import working

pytestmark = pytest.mark.usefixtures("deployment")

TO = ["ann@example.com"]


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Iterator[None]:
    """The environment of a Django project that uses the deployment."""
    with project(monkeypatch, environment):
        yield


def by_http(url: str) -> None:
    headers = {"Authorization": f"Bearer {API_KEY}", "Idempotency-Key": "http"}
    message = {"to": TO, "subject": "by HTTP", "text": "t"}
    answer = httpx2.post(f"{url}/senders/alerts/messages", json=message, headers=headers)
    assert answer.status_code == 202, answer.text


def by_smtp(port: int) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = ACCOUNT, TO[0], "by SMTP"
    message["Message-ID"] = "<smtp@example.com>"
    message.set_content("t")
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        client.login("alerts", API_KEY)
        client.send_message(message)


def by_django() -> None:
    headers = {"X-Idempotency-Key": "django"}
    mail.EmailMessage("by Django", "t", ACCOUNT, TO, headers=headers).send()


def test_everything_arrives_once(settings: Settings, core: Mailcore, google: GoogleSandbox) -> None:
    """Each program tries twice, as after an answer that was lost."""
    healthy_sender(core, google)
    google.revoke_grant(ACCOUNT)
    google.expire_access_tokens()
    with pytest.raises(Exception, match="Re-authorise"):
        send(core)
    keyed = settings.model_copy(update={"api_keys": KEYS})
    with served(keyed) as web, serving(web, SmtpOptions(port=0)) as port, working(core):
        for _ in range(2):
            by_http(web.settings.public_url)
            by_smtp(port)
            by_django()
            core.queue_email("alerts", to=TO, subject="queued", text="t", idempotency_key="q")
        waiting = core.deliveries.listing(status=None)
        assert [each.waits_for for each in waiting[:4]] == ["reauth"] * 4
        authorise(core, google, "alerts")
        google.wait_for_outbox(4, timeout=20)
    assert [each.subject for each in google.outbox] == [
        *("by HTTP", "by SMTP", "by Django", "queued")
    ]

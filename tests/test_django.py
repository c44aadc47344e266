"""Django's mail goes through a sender: queued in its transaction, or sent at once."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.test.utils import override_settings
from django.utils.translation import gettext_lazy
from psycopg.conninfo import conninfo_to_dict

from mailcore import InvalidMessage, Mailcore, ReauthRequired, SenderNotFound
from mailcore.sandbox import GoogleSandbox
from tests.support.authorise import ACCOUNT, healthy_sender
from tests.support.django_project import project
from tests.support.queueing import drain

TO = ["ann@example.com"]


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Iterator[None]:
    """A Django project whose environment names the deployment."""
    with project(monkeypatch, environment):
        yield


@pytest.fixture
def alerts(core: Mailcore, google: GoogleSandbox) -> str:
    return healthy_sender(core, google).alias


@pytest.fixture
def same_database(database_url: str) -> Iterator[None]:
    """Django's own tables are in the same database."""
    address: dict[str, Any] = conninfo_to_dict(database_url)
    connections["default"].settings_dict.update(
        NAME=address["dbname"],
        HOST=address["host"],
        PORT=str(address.get("port", "")),
        USER=address["user"],
    )
    yield
    connections["default"].close()


def test_a_message_is_queued_and_sent(core: Mailcore, google: GoogleSandbox, alerts: str) -> None:
    """With all that Django's message has."""
    message = mail.EmailMultiAlternatives(
        "Rechnung für März",
        "plain",
        to=["Ann <ann@example.com>"],
        cc=["cc@example.com"],
        bcc=["bcc@example.com"],
        reply_to=["help@example.com"],
        headers={"X-Shop": "7"},
    )
    message.attach_alternative("<b>html</b>", "text/html")
    message.attach("rechnung.pdf", b"%PDF-1.7", "application/pdf")
    assert message.send() == 1
    assert [each.status for each in core.deliveries.listing()] == ["queued"]

    drain(core)
    [arrived] = google.outbox
    assert sorted(arrived.recipients) == ["ann@example.com", "bcc@example.com", "cc@example.com"]
    email = arrived.email
    assert (email["From"], email["Reply-To"]) == (f"Shop <{ACCOUNT}>", "help@example.com")
    assert (arrived.subject, email["X-Shop"]) == ("Rechnung für März", "7")
    kinds = [part.get_content_type() for part in email.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html", "application/pdf"]


def test_send_mail_and_mass_mail(core: Mailcore, alerts: str) -> None:
    """Django's own functions say how many went into the queue."""
    assert mail.send_mail("s", "t", None, TO) == 1
    assert mail.send_mass_mail([("a", "t", None, TO), ("b", "t", None, TO)]) == 2
    assert mail.send_mail("nobody", "t", None, []) == 0
    assert [each.subject for each in core.deliveries.listing()] == ["b", "a", "s"]


@pytest.mark.usefixtures("same_database")
def test_it_is_part_of_the_open_transaction(core: Mailcore, alerts: str) -> None:
    """Rolled back, it was never queued."""
    with override_settings(PALEMAIL={"ALIAS": "alerts", "DATABASE": "default"}):
        with transaction.atomic():
            mail.send_mail("lost", "t", None, TO)
            transaction.set_rollback(True)
        assert not core.deliveries.listing()
        with transaction.atomic():
            mail.send_mail("kept", "t", None, TO)
            assert not core.deliveries.listing()
        mail.send_mail("outside of one", "t", None, TO)
    assert [each.subject for each in core.deliveries.listing()] == ["outside of one", "kept"]


def test_sent_at_once(core: Mailcore, google: GoogleSandbox, alerts: str) -> None:
    """And its errors are raised, unless they are to be silent."""
    with override_settings(PALEMAIL={"ALIAS": "alerts", "SEND": True}):
        assert mail.send_mail("s", "t", None, TO) == 1
        assert len(google.outbox) == 1
        google.revoke_grant(ACCOUNT)
        google.expire_access_tokens()
        with pytest.raises(ReauthRequired):
            mail.send_mail("s", "t", None, TO)
        assert mail.send_mail("s", "t", None, TO, fail_silently=True) == 0


def test_a_key_queues_once(core: Mailcore, google: GoogleSandbox, alerts: str) -> None:
    """It does not go out."""
    for _ in range(2):
        mail.EmailMessage("s", "t", None, TO, headers={"X-Idempotency-Key": "k"}).send()
    drain(core)
    [arrived] = google.outbox
    assert "X-Idempotency-Key" not in arrived.email


def test_the_sender_is_chosen_by_from(core: Mailcore) -> None:
    """Or there is none, which is told."""
    core.senders.register("billing", by="t")
    aliases = {"billing@example.com": "billing"}
    with override_settings(PALEMAIL={"ALIASES": aliases}):
        mail.send_mail("s", "t", "Billing <Billing@example.com>", TO)
        assert [each.alias for each in core.deliveries.listing()] == ["billing"]
        with pytest.raises(ImproperlyConfigured, match="no sender"):
            mail.send_mail("s", "t", "x@example.com", TO)
    with (
        override_settings(PALEMAIL={"ALAIS": "x"}),
        pytest.raises(ImproperlyConfigured, match="ALAIS"),
    ):
        mail.send_mail("s", "t", None, TO)
    with pytest.raises(SenderNotFound):
        mail.send_mail("s", "t", None, TO)


def test_translated_and_international_addresses(
    core: Mailcore, google: GoogleSandbox, alerts: str
) -> None:
    """What Django takes for an address, Gmail gets as one; what is none is refused."""
    lazily: Any = gettext_lazy
    mail.EmailMessage(lazily("Subject"), "t", lazily("x@öäü.com"), [lazily("ann@öäü.com")]).send()
    drain(core)
    [arrived] = google.outbox
    assert arrived.recipients == ["ann@xn--4ca9at.com"]
    assert arrived.email["Reply-To"] == "x@xn--4ca9at.com"
    with pytest.raises(InvalidMessage):
        mail.send_mail("s", "t", None, ["django"])

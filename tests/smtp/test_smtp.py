"""What a program that speaks SMTP gets: 250 once it is queued, and a reason where it is not."""

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from mailcore.smtp.server import MAX_CONNECTIONS, SmtpOptions, serving
from tests.smtp.conftest import KEY, READER
from tests.support.authorise import ACCOUNT
from tests.support.certificates import server_context
from tests.support.driving import Tables
from tests.support.queueing import drain


@contextmanager
def client(port: int, user: str = "alerts", key: str = KEY) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
        smtp.login(user, key)
        yield smtp


def mail(**changes: str) -> EmailMessage:
    message = EmailMessage()
    headers = {
        "From": f"Robot <{ACCOUNT}>",
        "To": "Ann <ann@example.com>",
        "Subject": "Grüße",
        "Message-ID": "<1@example.com>",
    }
    for name, value in {**headers, **{k.replace("_", "-"): v for k, v in changes.items()}}.items():
        if value:
            message[name] = value
    message.set_content("Zeile eins\n.\nafter a dot\n")
    message.add_attachment(b"\x00\x01", maintype="application", subtype="x-y", filename="ö.bin")
    return message


def test_a_message_is_queued_and_arrives_as_it_was(
    port: int, core: Mailcore, google: GoogleSandbox, alerts: str
) -> None:
    """250 names the delivery; the worker sends it; body and headers are the program's own."""
    with client(port) as smtp:
        smtp.mail("bounces@example.com")
        smtp.rcpt("ann@example.com")
        code, text = smtp.data(mail().as_bytes(policy=SMTP))
    [delivery] = core.deliveries.listing()
    assert (code, text.decode()) == (250, f"2.0.0 Queued as {delivery.id}")
    assert (delivery.subject, delivery.recipients) == ("Grüße", ("ann@example.com",))

    drain(core)
    [arrived] = google.outbox
    email = arrived.email
    assert (email["From"], email["Message-ID"]) == (f"Robot <{ACCOUNT}>", "<1@example.com>")
    assert "Reply-To" not in email
    body, attachment = email.iter_parts()
    assert body.get_content().splitlines() == ["Zeile eins", ".", "after a dot"]
    assert (attachment.get_filename(), attachment.get_content()) == ("ö.bin", b"\x00\x01")


def test_a_client_that_lost_its_250_sends_once(
    port: int, core: Mailcore, google: GoogleSandbox, alerts: str, tables: Tables
) -> None:
    """The same Message-ID to the same people within a day is the same; to others it is not."""
    for _ in range(2):
        with client(port) as smtp:
            smtp.send_message(mail())
    with client(port) as smtp:
        smtp.send_message(mail(To="bob@example.com"))
    drain(core)
    assert [each.recipients for each in google.outbox] == [["ann@example.com"], ["bob@example.com"]]

    tables("UPDATE delivery SET send_at = send_at - interval '25 h'")
    for _ in range(2):
        with client(port) as smtp:
            smtp.send_message(mail())
    drain(core)
    assert len(google.outbox) == 3


def test_the_envelope_decides_who_gets_it(
    port: int, core: Mailcore, google: GoogleSandbox, alerts: str
) -> None:
    """Who is in no header gets it unseen; and nobody gets it whom the envelope leaves out."""
    message = mail(Cc="bob@example.com", Bcc="eve@example.com")
    everyone = ["ann@example.com", "bob@example.com", "eve@example.com", "zoe@example.com"]
    with client(port) as smtp:
        smtp.sendmail("x@example.com", everyone, message.as_bytes())
        with pytest.raises(smtplib.SMTPDataError) as refused:
            smtp.sendmail("x@example.com", ["ann@example.com"], message.as_bytes())
    assert refused.value.smtp_code == 550
    assert b"bob@example.com" in refused.value.smtp_error
    drain(core)
    [arrived] = google.outbox
    assert sorted(arrived.recipients) == everyone
    hidden = {each.addr_spec for each in arrived.email["Bcc"].addresses}
    assert hidden == {"eve@example.com", "zoe@example.com"}


def test_another_from_becomes_reply_to(
    keyed: Mailcore, port: int, core: Mailcore, google: GoogleSandbox, alerts: str
) -> None:
    """Gmail sends as the account; answers still find their way. Or it is refused, if so set."""
    other = mail(From="Shop <shop@example.com>", Sender="robot@example.com")
    with client(port) as smtp:
        smtp.send_message(other)
        smtp.send_message(mail(From="x@example.com", Reply_To="y@example.com", Message_ID=""))
    drain(core)
    first, second = (each.email for each in google.outbox)
    assert (first["From"], first["Reply-To"]) == (f"Shop <{ACCOUNT}>", "Shop <shop@example.com>")
    assert first["Sender"] is None
    assert second["Reply-To"] == "y@example.com"
    assert second["Message-ID"]
    with (
        serving(keyed, SmtpOptions(port=0, other_from="refuse")) as strict,
        client(strict) as smtp,
        pytest.raises(smtplib.SMTPDataError, match=r"550.*shop@example\.com"),
    ):
        smtp.send_message(other)


@pytest.mark.parametrize(
    ("user", "key"),
    [("alerts", "wrong" * 8), ("alerts", READER), ("billing", KEY), ("", KEY), ("alerts", "")],
)
def test_only_a_key_for_the_sender_opens(port: int, user: str, key: str) -> None:
    """One that may send through it. Before that no message is taken."""
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login(user, key)
        assert smtp.mail("x@example.com")[0] == 530
        assert smtp.docmd("DATA")[0] in {503, 530}


def test_a_wrong_key_is_logged_without_it(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """Nor is any key that was right."""
    with pytest.raises(smtplib.SMTPAuthenticationError), client(port, key="guess" * 8):
        pass
    with caplog.at_level("DEBUG"), client(port) as smtp:
        smtp.noop()
    assert "wrong key" in caplog.text
    assert "guess" not in caplog.text
    assert KEY not in caplog.text


def test_what_gmail_cannot_send_is_refused_for_good(port: int, alerts: str) -> None:
    """5xx: trying again would not help."""
    with client(port) as smtp:
        smtp.mail("x@example.com")
        assert smtp.rcpt("nobody")[0] == 553
        assert smtp.rcpt("ann@example.com")[0] == 250
        assert smtp.data(b"no header\r\n\r\nx\r\n")[0] == 550
        smtp.mail("x@example.com", options=["SIZE=99999999"])
        smtp.rset()
        assert smtp.mail("x@example.com", options=["SIZE=99999999"])[0] == 552


def test_an_unknown_sender_is_refused_and_an_expired_one_is_not(
    port: int, core: Mailcore, google: GoogleSandbox
) -> None:
    """What is queued for an expired one goes out after its re-auth."""
    with client(port) as smtp, pytest.raises(smtplib.SMTPDataError, match="550"):
        smtp.send_message(mail())
    core.senders.register("alerts", gmail_account=ACCOUNT, by="test")
    with client(port) as smtp:
        smtp.send_message(mail())
    [waiting] = core.deliveries.listing()
    assert waiting.waits_for == "reauth"


def test_without_a_database_the_client_keeps_it(port: int, alerts: str, tables: Tables) -> None:
    """4xx: trying again helps; and nothing of the inside is told."""
    tables("ALTER TABLE delivery RENAME TO delivery_away")
    try:
        with client(port) as smtp, pytest.raises(smtplib.SMTPDataError) as refused:
            smtp.send_message(mail())
    finally:
        tables("ALTER TABLE delivery_away RENAME TO delivery")
    assert refused.value.smtp_code == 451
    assert b"delivery" not in refused.value.smtp_error
    with client(port) as smtp:
        smtp.send_message(mail())


def test_off_loopback_the_key_goes_through_tls_only(
    keyed: Mailcore, core: Mailcore, alerts: str, tmp_path: Path
) -> None:
    """AUTH is neither offered nor taken before STARTTLS."""
    with (
        serving(keyed, SmtpOptions(port=0, tls=server_context(tmp_path)[0])) as port,
        smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp,
    ):
        smtp.ehlo()
        assert not smtp.has_extn("auth")
        assert smtp.has_extn("starttls")
        assert smtp.docmd("AUTH", "PLAIN AGEAYg==")[0] in {530, 538}
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        smtp.starttls(context=trusting)
        smtp.login("alerts", KEY)
        smtp.send_message(mail())
    assert len(core.deliveries.listing()) == 1


def test_what_is_offered(port: int) -> None:
    """As far as Gmail can keep it."""
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
        smtp.ehlo()
        assert {"size", "8bitmime", "smtputf8", "auth"} <= smtp.esmtp_features.keys()
        assert set(smtp.esmtp_features["auth"].split()) >= {"PLAIN", "LOGIN"}


def test_there_is_room_for_so_many(port: int) -> None:
    """Further ones are told to come back; nobody else is disturbed."""
    address = ("127.0.0.1", port)
    lines = [socket.create_connection(address, timeout=30) for _ in range(MAX_CONNECTIONS)]
    try:
        assert all(line.recv(3) == b"220" for line in lines)
        with socket.create_connection(address, timeout=30) as further:
            assert further.recv(3) == b"421"
    finally:
        for line in lines:
            line.close()


def test_who_does_not_log_in_has_to_go(keyed: Mailcore, alerts: str) -> None:
    """However busy it is: its place is needed. Who has logged in may stay."""
    with (
        serving(keyed, SmtpOptions(port=0, login_within=0.5)) as port,
        client(port) as smtp,
        socket.create_connection(("127.0.0.1", port), timeout=30) as idle,
    ):
        answers = b""
        # What it says as the door closes may be answered by a reset.
        with suppress(ConnectionError):
            while piece := idle.recv(1000):
                answers += piece
                idle.sendall(b"NOOP\r\n")
        assert answers.startswith(b"220")
        smtp.send_message(mail())

"""What a script can tell from the exit code, and a person from the message."""

import re
from pathlib import Path

import pytest

from mailcore import Mailcore
from mailcore.sandbox import Fault, GoogleSandbox, faults
from mailcore.sandbox.counts import Operation
from tests.cli.running import Cli, Ran
from tests.support.authorise import ACCOUNT

MAIL = ("--to", "ops@example.com", "--subject", "Disk is full", "--text", "On db1.")


def send(cli: Cli, *more: str) -> Ran:
    return cli("send", "alerts", *MAIL, *more)


def test_done(cli: Cli, alerts: str) -> None:
    """A mail that Gmail has taken ends with 0, and nothing is said but that."""
    ran = send(cli)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Sent through alerts. Gmail ID: ")


@pytest.mark.usefixtures("alerts")
@pytest.mark.parametrize(
    ("trouble", "code", "error"),
    [
        (("send", faults.INVALID_ARGUMENT), 65, "message_rejected"),
        (("send", faults.CLOSE_AFTER), 69, "outcome_unknown"),
        (("send", faults.SERVICE_UNAVAILABLE_HTML), 75, "temporary_failure"),
        (("send", faults.USER_RATE_LIMIT_EXCEEDED), 75, "rate_limited"),
        (("send", faults.INSUFFICIENT_PERMISSIONS), 77, "reauth_required"),
        (("send", faults.MAIL_SERVICE_NOT_ENABLED), 77, "sender_blocked"),
        (("token", faults.ACCOUNT_SUSPENDED), 77, "sender_blocked"),
        (("token", faults.INVALID_CLIENT), 78, "configuration"),
        (("send", faults.ACCESS_NOT_CONFIGURED), 78, "configuration"),
    ],
    ids=lambda value: value[1].name if isinstance(value, tuple) else str(value),
)
def test_google_refuses(
    cli: Cli, google: GoogleSandbox, trouble: tuple[Operation, Fault], code: int, error: str
) -> None:
    """Each way in which Google can refuse has its exit code, and one line that says why."""
    operation, fault = trouble
    google.fail(operation, fault, times=None)
    if operation == "token":
        google.expire_access_tokens()
    ran = send(cli, "--timeout", "3", "--json")
    assert ran.code == code
    assert ran.json["error"]["code"] == error
    assert ran.json["error"]["alias"] == "alerts"
    assert ran.err.startswith("Error: ")
    assert len(ran.err.splitlines()) == 1
    assert not any(secret in ran.out + ran.err for secret in google.secrets)


def test_reauth_required(cli: Cli, google: GoogleSandbox, alerts: str) -> None:
    """When Google refuses the grant, the message leads to the page that mends it."""
    google.expire_grant(ACCOUNT)
    ran = send(cli)
    assert ran.code == 77
    assert "http://localhost:8501" in ran.err
    assert ran.out == ""


def test_discarded(cli: Cli, core: Mailcore, google: GoogleSandbox, alerts: str) -> None:
    """A key that a person has settled as not to be sent is rejected from then on."""
    google.fail("send", faults.CLOSE_BEFORE)
    unknown = send(cli, "--idempotency-key", "disk", "--json")
    assert unknown.code == 69
    core.deliveries.discard(unknown.json["error"]["delivery_id"], by="test")
    assert send(cli, "--idempotency-key", "disk").code == 65
    assert google.outbox == []


@pytest.mark.usefixtures("alerts")
@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (("--to", "nobody", "--subject", "Hi", "--text", "Hi"), "--to: 'nobody' is not"),
        (("--subject", "Hi", "--text", "Hi"), "give --to, --cc or --bcc"),
        (("--to", " ", "--subject", "Hi", "--text", "Hi"), "give --to, --cc or --bcc"),
        (("--to", "ops@example.com", "--subject", "Hi"), "give --text, --html"),
        ((*MAIL, "--cc", "Ann\x07 <ann@example.com>"), "an address in --cc contains"),
        ((*MAIL, "--bcc", "nobody"), "--bcc: 'nobody' is not"),
        ((*MAIL, "--reply-to", "nobody"), "--reply-to: 'nobody' is not"),
        ((*MAIL, "--from-name", "Ann\nLee"), "a name in --from-name contains a line break"),
        ((*MAIL, "--subject", "two\nlines"), "--subject contains a line break"),
        (
            (*MAIL, "--header", "Subject: Hi"),
            "Subject can't be given here. Use --subject instead.",
        ),
        ((*MAIL, "--header", "X A: Hi"), "--header: 'X A' can't be"),
        ((*MAIL, "--in-reply-to", "<a@b.c> <d@e.f>"), "--in-reply-to must be one Message-ID"),
        ((*MAIL, "--in-reply-to", "ä"), "--in-reply-to: 'ä' is not a Message-ID"),
        ((*MAIL, "--references", "ä"), "--references: 'ä' is not a Message-ID"),
        ((*MAIL, "--thread-id", ""), "--thread-id: "),
        ((*MAIL, "--idempotency-key", ""), "--idempotency-key: "),
        ((*MAIL, "--timeout", "0"), "--timeout: "),
        ((*MAIL, "--attach", "/nowhere/report.pdf"), "for --attach: /nowhere/report.pdf"),
        ((*MAIL, "--attach", "/"), "for --attach: / is not a readable file"),
        ((*MAIL, "--html", "x", "--inline", "logo=/nowhere"), "for --inline: /nowhere"),
        ((*MAIL, "--inline", "logo=/bin/sh"), "for --inline: there is no HTML"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_flag(cli: Cli, arguments: tuple[str, ...], flag: str) -> None:
    """What the command line got wrong ends with 64, and is named as it was typed."""
    ran = cli("send", "alerts", *arguments)
    assert ran.code == 64
    assert flag in ran.err
    said = ran.err.replace("Sent.thread_id", "")
    assert not re.search(r"[a-z]_[a-z]|attachments|headers:|=", said)


def test_wrong_flag_for_programs(cli: Cli, alerts: str) -> None:
    """A program that asked for JSON gets the same text, and `send_email`'s name of it."""
    ran = cli("send", "alerts", *MAIL, "--reply-to", "nobody", "--json")
    assert ran.code == 64
    error = ran.json["error"]
    assert (error["code"], error["field"]) == ("invalid_message", "reply_to")
    assert error["message"].startswith("--reply-to: ")


def test_too_large(cli: Cli, alerts: str, tmp_path: Path) -> None:
    """A message that Gmail would refuse for its size is rejected, which is no wrong flag."""
    large = tmp_path / "large"
    large.write_bytes(bytes(26 * 1024 * 1024))
    ran = cli("send", "alerts", *MAIL, "--attach", large)
    assert ran.code == 65
    assert "--attach: with 'large' the files are larger than 25 MB" in ran.err
    large.write_bytes(b"x" * 40_000_000)
    mail = ("--to", "ops@example.com", "--subject", "Hi", "--text-file", large)
    ran = cli("send", "alerts", *mail)
    assert ran.code == 65
    assert "Shorten --text" in ran.err


def test_unknown_names(cli: Cli) -> None:
    """A sender and a delivery that are not there are told apart, and both from the rest."""
    assert send(cli).code == 67
    assert cli("senders", "show", "nobody").code == 67
    assert cli("check", "nobody").code == 67
    assert cli("auth", "nobody").code == 67
    assert cli("deliveries", "show", "nothing").code == 66


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("mail",),
        ("send", "alerts"),
        ("send", "alerts", *MAIL, "--timeout", "soon"),
        ("send", "alerts", *MAIL, "--header", "no colon"),
        ("send", "alerts", *MAIL, "--inline", "no-file"),
        ("send", "alerts", *MAIL, "--text-file", "too.txt"),
        ("send", "alerts", "--to", "a@example.com", "--subject", "Hi", "--text-file", "/nowhere"),
        ("send", "alerts", "--to", "a@example.com", "--subject", "Hi", "--text-file", "-",
         "--html-file", "-"),
        ("up", "--port", "99999"),
        ("senders", "list", "--status", "ill"),
    ],
)  # fmt: skip
def test_usage(cli: Cli, arguments: tuple[str, ...]) -> None:
    """A wrong command line ends with 64, before anything happens."""
    ran = cli(*arguments)
    assert ran.code == 64
    assert "Usage: " in ran.out + ran.err


def test_database_is_down(cli: Cli) -> None:
    """A database that cannot be reached is worth another try, and its password stays unsaid."""
    ran = cli("senders", "list", DATABASE_URL="postgresql://me:hunter2@127.0.0.1:1/mail")
    assert ran.code == 75
    assert "cannot be reached" in ran.err
    assert "hunter2" not in ran.err


def test_no_database(cli: Cli) -> None:
    """A job that lost its DATABASE_URL is told so; it never gets an empty database."""
    ran = send(cli.without("DATABASE_URL"))
    assert ran.code == 78
    assert "DATABASE_URL is not set" in ran.err


def test_wrong_setting(cli: Cli) -> None:
    """A setting that cannot be read is named, with an example, and its secret stays unsaid."""
    ran = cli("senders", "list", PALEMAIL_ENCRYPTION_KEYS="hunter2")
    assert ran.code == 78
    assert "PALEMAIL_ENCRYPTION_KEYS" in ran.err
    assert "hunter2" not in ran.err


def test_tables_missing(cli: Cli, empty_database_url: str) -> None:
    """An empty database names the command that fills it, which then does."""
    assert "pal-e-mail migrate" in cli("senders", "list", DATABASE_URL=empty_database_url).err
    assert cli("migrate", DATABASE_URL=empty_database_url).code == 0
    assert cli("senders", "list", DATABASE_URL=empty_database_url).code == 0

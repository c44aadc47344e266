"""Sending from the shell."""

from pathlib import Path

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.cli.running import Cli


def test_everything_at_once(
    cli: Cli, core: Mailcore, google: GoogleSandbox, alerts: str, tmp_path: Path
) -> None:
    """Every argument of `send_email` can be given, and arrives."""
    page, report, logo = tmp_path / "page.html", tmp_path / "Bericht Ä.csv", tmp_path / "logo.png"
    page.write_text("<p>Zoë<img src='cid:logo'>", encoding="utf-8")
    report.write_bytes(b"a,b\r\n")
    logo.write_bytes(b"\x89PNG")
    first = core.send_email("alerts", to="ann@example.com", subject="Größe", text="Hallo")
    ran = cli(
        "send", "alerts", "--to", "Ann <ann@example.com>", "--to", "bob@example.com",
        "--cc", "carl@example.com", "--bcc", "dora@example.com", "--reply-to", "help@example.com",
        "--from-name", "Zoë", "--subject", "Größe", "--text", "Hallo", "--html-file", page,
        "--header", "X-Ticket: 42", "--header", "List-Unsubscribe: <https://example.com/?a=b:c>",
        "--in-reply-to", first.message_id, "--references", "<one@example.com>",
        "--attach", report, "--inline", f"logo={logo}", "--thread-id", first.thread_id,
        "--idempotency-key", "once", "--timeout", "20", "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    _, sent = google.outbox
    mail = sent.email
    assert mail["To"] == "Ann <ann@example.com>, bob@example.com"
    assert (mail["Cc"], mail["Reply-To"]) == ("carl@example.com", "help@example.com")
    assert "dora@example.com" in sent.recipients
    assert mail["From"].addresses[0].display_name == "Zoë"
    assert (mail["Subject"], mail["X-Ticket"]) == ("Größe", "42")
    assert mail["List-Unsubscribe"] == "<https://example.com/?a=b:c>"
    assert mail["In-Reply-To"] == first.message_id
    assert "<one@example.com>" in mail["References"]
    assert {part.get_filename() for part in mail.walk()} == {None, "Bericht Ä.csv", "logo.png"}
    assert ran.json["gmail_id"] == sent.gmail_id
    assert set(ran.json) == {"delivery_id", "gmail_id", "thread_id", "message_id", "alias"}
    assert ran.json["thread_id"] == first.thread_id


def test_the_same_key_sends_once(cli: Cli, google: GoogleSandbox, alerts: str) -> None:
    """A cron job that runs twice with one key sends one mail, and hears of the same one."""
    arguments = ("--to", "a@example.com", "--subject", "S", "--text", "T", "--json")
    first, second = (cli("send", "alerts", *arguments, "--idempotency-key", "k") for _ in "12")
    assert first.json == second.json
    assert len(google.outbox) == 1


def test_text_from_stdin(cli: Cli, google: GoogleSandbox, alerts: str) -> None:
    """`df -h | pal-e-mail send … --text-file -` sends what came through the pipe."""
    arguments = ("send", "alerts", "--to", "a@example.com", "--subject", "Disks")
    assert cli(*arguments, "--text-file", "-", stdin="Größe\n98 %\n".encode()).code == 0
    assert cli(*arguments, "--html", "-", stdin=b"<b>98 %</b>").code == 0
    plain, html = (sent.email.get_content() for sent in google.outbox)
    assert plain.splitlines() == ["Größe", "98 %"]
    assert "<b>98 %</b>" in html


def test_stdin_must_be_utf8(cli: Cli, alerts: str) -> None:
    """A body in another encoding is refused rather than sent as gibberish."""
    arguments = ("--to", "a@example.com", "--subject", "S", "--text-file", "-")
    ran = cli("send", "alerts", *arguments, stdin="Größe".encode("latin-1"))
    assert ran.code == 64
    assert "UTF-8" in ran.err


def test_dry_run(cli: Cli, core: Mailcore, google: GoogleSandbox, alerts: str) -> None:
    """A dry run prints the message that would go out; nothing is sent or recorded."""
    arguments = ("--to", "a@example.com", "--subject", "S", "--text", "Hello", "--dry-run")
    shown = cli("send", "alerts", *arguments)
    assert shown.code == 0
    assert "From: alerts@example.com" in shown.out
    assert "\n\nHello" in shown.out.replace("\r", "")
    as_json = cli("send", "alerts", *arguments, "--json").json
    assert as_json["dry_run"] is True
    assert as_json["recipients"] == ["a@example.com"]
    assert "Subject: S\r\n" in as_json["raw"]
    assert google.outbox == []
    assert core.deliveries.page().matching == 0

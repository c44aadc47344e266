"""Looking after a deployment from the shell."""

import json
from pathlib import Path

from cryptography.fernet import Fernet

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.cli.running import Cli
from tests.support.authorise import ACCOUNT


def test_migrate(cli: Cli, empty_database_url: str) -> None:
    """Migrating says whether there was anything to do, and does it once."""
    assert "The database schema was updated" in cli("migrate", DATABASE_URL=empty_database_url).err
    assert "is already up to date" in cli("migrate", DATABASE_URL=empty_database_url).err


def test_migrate_without_database_url(embedded: dict[str, str], data: Path) -> None:
    """Without DATABASE_URL the embedded Postgres is started, said so in a line, and stopped."""
    cli = Cli(embedded)
    ran = cli("migrate")
    assert ran.code == 0, ran.err
    first, second = ran.err.splitlines()
    assert "DATABASE_URL is not set: running Postgres in " in first
    assert "The database schema was updated" in second
    assert not (data / "postgres" / "postmaster.pid").exists()
    assert cli("senders", "list").code == 75


def test_doctor(cli: Cli, environment: dict[str, str]) -> None:
    """The doctor names each check, and a remedy for what is wrong."""
    ran = cli("doctor", "--json", PALEMAIL_PUBLIC_URL="http://mail.example.com:1")
    assert ran.code == 78
    findings = {each["name"]: each for each in ran.json["findings"]}
    assert findings["Database"]["state"] == "ok"
    assert findings["Callback address"]["state"] == "broken"
    assert "PALEMAIL_PUBLIC_URL" in findings["Callback address"]["remedy"]
    shown = cli("doctor", PALEMAIL_PUBLIC_URL="http://mail.example.com:1")
    assert findings["Callback address"]["remedy"] in shown.out
    marks = {line.split()[1]: line.split()[0] for line in shown.out.splitlines() if line[0] != " "}
    assert marks["Database"] == "ok"
    assert marks["Encryption"] == "note"
    assert environment["GOOGLE_CLIENT_SECRET"] not in shown.out + ran.out


def test_doctor_without_database(cli: Cli) -> None:
    """The doctor is the one to ask when there is no database, too."""
    for nowhere in (
        cli.without("DATABASE_URL"),
        Cli({**cli.environment, "DATABASE_URL": "postgresql://me:hunter2@127.0.0.1:1/mail"}),
    ):
        ran = nowhere("doctor")
        assert ran.code == 78
        [*_, database] = [
            line for line in ran.out.splitlines() if "Database " in line and "clock" not in line
        ]
        assert database.startswith("broken")
        assert ran.out.count(database.removeprefix("broken").strip().removeprefix("Database")) == 1
        assert ran.out.count("not checked") == 5
        assert "Nothing was sent" not in ran.out
        assert "hunter2" not in ran.out


def test_import_tokens(cli: Cli, core: Mailcore, google: GoogleSandbox, tmp_path: Path) -> None:
    """gmail-sdk's files become senders that send; a dry run only says so."""
    directory = tmp_path / "tokens"
    directory.mkdir()
    (directory / "credentials.json").write_text(google.credentials_json)
    (directory / "gmail-alerts.json").write_text(json.dumps(google.issue_grant(ACCOUNT)))
    dry = cli("import-tokens", directory, "--dry-run", "--json")
    assert (dry.code, dry.json["files"][0]["outcome"]) == (0, "would import")
    assert core.senders.page().matching == 0
    assert cli("import-tokens", directory).code == 0
    mail = ("--to", "a@example.com", "--subject", "S", "--text", "T")
    assert cli("send", "alerts", *mail).code == 0
    (directory / "gmail-broken.json").write_text("hunter2")
    broken = cli("import-tokens", directory)
    assert broken.code == 65
    assert "unreadable" in broken.out
    assert "hunter2" not in broken.out
    assert cli("import-tokens", tmp_path / "nowhere").code == 64


def test_rotate_keys(cli: Cli, core: Mailcore, alerts: str) -> None:
    """A fresh key is a key; put in front, it seals what is stored, and the sender still sends."""
    key = cli("rotate-keys", "--new").out.strip()
    Fernet(key)
    assert cli("rotate-keys").code == 78
    ran = cli("rotate-keys", PALEMAIL_ENCRYPTION_KEYS=key)
    assert (ran.code, key in ran.out + ran.err) == (0, False)
    mail = ("--to", "a@example.com", "--subject", "S", "--text", "T")
    assert cli("send", "alerts", *mail).code == 78
    assert cli("send", "alerts", *mail, PALEMAIL_ENCRYPTION_KEYS=key).code == 0

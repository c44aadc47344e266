"""The registry from the shell."""

from pathlib import Path

from mailcore import Mailcore, SenderStatus
from mailcore.sandbox import GoogleSandbox, faults
from tests.cli.running import Cli
from tests.support.authorise import ACCOUNT, come_back
from tests.support.driving import Tables


def test_life_of_a_sender(cli: Cli, core: Mailcore) -> None:
    """Added, listed, shown and removed, with what was given and who did it."""
    added = cli("senders", "add", "alerts", "--account", ACCOUNT, "--project", "Ops [1]",
                "--name", "Zoë")  # fmt: skip
    assert added.code == 0
    assert "pal-e-mail auth alerts" in added.err
    listed = cli("senders", "list")
    assert all(text in listed.out for text in ("alerts", ACCOUNT, "Ops [1]", "pending"))
    shown = cli("senders", "show", "alerts")
    assert all(text in shown.out for text in ("Zoë", "never authorised", "Added", "cli"))
    removed = cli("senders", "remove", "alerts", "--yes", "--json")
    assert removed.json == {
        "alias": "alerts",
        "discarded_deliveries": 0,
        "grant": "no grant",
    }
    assert cli("senders", "list", "--json").json == {"senders": []}
    assert core.senders.events("alerts")[0].what == "deleted"


def test_as_json(cli: Cli, alerts: str, google: GoogleSandbox) -> None:
    """Programs get the fields of the HTTP API, and no secret."""
    listed, shown = cli("senders", "list", "--json"), cli("senders", "show", "alerts", "--json")
    [sender] = listed.json["senders"]
    assert (sender["alias"], sender["status"]) == ("alerts", "healthy")
    assert sender["grant_expires_at"].endswith("+00:00")
    assert {**shown.json, "events": None} == {**sender, "events": None}
    assert shown.json["events"][-1]["what"] == "registered"
    assert not any(secret in listed.out + shown.out for secret in google.secrets)


def test_filters(cli: Cli, core: Mailcore, alerts: str) -> None:
    """Only those that match are listed, by text and by status."""
    core.senders.register("reports", by="test")
    names = {
        arguments: [
            each["alias"] for each in cli("senders", "list", *arguments, "--json").json["senders"]
        ]
        for arguments in (
            ("--search", "OPS"),
            ("--status", "pending"),
            ("--status", "due"),
        )
    }
    assert list(names.values()) == [["alerts"], ["reports"], []]


def test_taken_and_unusable_aliases(cli: Cli, alerts: str) -> None:
    """An alias that is taken, and one that cannot be, are refused with a reason."""
    taken = cli("senders", "add", "alerts", "--json")
    assert (taken.code, taken.json["error"]["code"]) == (73, "sender_exists")
    unusable = cli("senders", "add", "No Good", "--json")
    assert (unusable.code, unusable.json["error"]["field"]) == (64, "alias")
    assert cli("senders", "add", "new", "--account", "nobody").code == 64


def test_own_client(cli: Cli, core: Mailcore, google: GoogleSandbox, tmp_path: Path) -> None:
    """A sender can bring its own credentials.json; another file is refused unshown."""
    good, bad = tmp_path / "credentials.json", tmp_path / "bad.json"
    good.write_text(google.credentials_json)
    bad.write_text('{"password": "hunter2"}')
    assert cli("senders", "add", "own", "--credentials", good).code == 0
    assert core.senders.get("own").has_own_client
    refused = cli("senders", "add", "other", "--credentials", bad)
    assert refused.code == 65
    assert "hunter2" not in refused.err
    bad.write_bytes(b"\xff\x00")
    for unreadable in (bad, tmp_path, tmp_path / "nowhere"):
        ran = cli("senders", "add", "other", "--credentials", unreadable)
        assert ran.code == 64
        assert "--credentials" in ran.err


def test_removing_asks(cli: Cli, core: Mailcore, alerts: str) -> None:
    """Without --yes the alias must be typed; anything else removes nothing."""
    refused = cli("senders", "remove", "alerts", stdin=b"yes\n")
    assert refused.code == 64
    assert "permanently" in refused.err
    assert "Usage:" not in refused.err
    nobody = cli("senders", "remove", "alerts")
    assert nobody.code == 64
    assert "--yes" in nobody.err
    assert core.senders.get("alerts").status is SenderStatus.HEALTHY
    assert cli("senders", "remove", "alerts", stdin=b"alerts\n").code == 0
    assert core.senders.page().matching == 0


def test_open_questions(
    cli: Cli, core: Mailcore, google: GoogleSandbox, alerts: str, tables: Tables
) -> None:
    """Held mail, and mail of unknown outcome, stand beside the sender that they wait for."""
    core.senders.register("reports", by="test")
    google.fail("send", faults.CLOSE_BEFORE)
    mail = ("--to", "ops@example.com", "--subject", "S", "--text", "T")
    assert cli("send", "alerts", *mail).code == 69
    header, first, second = cli("senders", "list").out.splitlines()
    assert header.split()[-2:] == ["queued", "unknown"]
    [asked] = [row for row in (first, second) if row.startswith("alerts")]
    assert asked.split()[-1] == "1"
    assert "unknown outcome  1" in cli("senders", "show", "alerts").out
    assert "unknown outcome" not in cli("senders", "show", "reports").out
    tables("UPDATE delivery SET status = 'queued'")
    removed = cli("senders", "remove", "alerts", stdin=b"alerts\n")
    assert "It also discards 1 message waiting for it." in removed.err
    assert "Discarded 1 message." in removed.err


def test_confirm(cli: Cli, core: Mailcore, google: GoogleSandbox) -> None:
    """An account that came by a link is confirmed or rejected by its address."""
    core.senders.register("fresh", by="test")
    for options in (["--reject"], []):
        url = str(core.tickets.issue("fresh", by="test", any_mailbox=True).url)
        begun = core.tickets.redeem(url.rpartition("/")[2])
        come_back(core, google.consent(begun.url, ACCOUNT))
        assert ACCOUNT in cli("senders", "show", "fresh").out
        assert cli("senders", "confirm", "fresh", "other@example.com").code == 64
        assert cli("senders", "confirm", "fresh", ACCOUNT, *options).code == 0
    assert core.senders.get("fresh").gmail_account == ACCOUNT


def test_further_addresses(cli: Cli, core: Mailcore, alerts: str) -> None:
    """They are set as a whole, shown, and taken away."""
    assert cli("senders", "send-as", alerts).code == 64
    given = cli("senders", "send-as", alerts, "shop@example.com", "help@example.com")
    assert f"may send as {ACCOUNT}, help@example.com, shop@example.com" in given.err
    assert "help@example.com" in cli("senders", "show", alerts).out
    assert cli("senders", "send-as", alerts, "nobody").code == 64
    assert cli("senders", "send-as", alerts, "--none").code == 0
    assert core.senders.get(alerts).send_as == ()


def test_sending_drafts(cli: Cli, core: Mailcore, alerts: str) -> None:
    """It is said from when on it counts."""
    assert cli("senders", "drafts", alerts).code == 64
    assert "drafts from its next re-auth on" in cli("senders", "drafts", alerts, "on").err
    assert "drafts from its next re-auth on" in cli("senders", "show", alerts).out
    assert core.senders.get(alerts).use_drafts
    assert "messages, not drafts" in cli("senders", "drafts", alerts, "off").err


def test_a_service_account(cli: Cli, core: Mailcore, google: GoogleSandbox, tmp_path: Path) -> None:
    """The command says what the Workspace's admin has to allow; then the sender needs nobody."""
    account, key = google.register_service_account(), tmp_path / "key.json"
    key.write_text(account.key_json)
    assert cli("senders", "add", "alerts", "--account", ACCOUNT).code == 0
    refused = cli("senders", "service-account", "alerts", key)
    assert refused.code == 77
    assert account.client_id in refused.err
    assert "Domain-wide delegation" in refused.err
    google.delegate(account)
    used = cli("senders", "service-account", "alerts", key)
    assert used.code == 0
    assert account.email in used.err
    assert account.email in cli("senders", "show", "alerts").out
    assert cli("senders", "list", "--json").json["senders"][0]["service_account"] == account.email
    assert cli("check").code == 0

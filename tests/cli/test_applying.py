"""`senders apply`: the registry is brought to what a file says."""

from pathlib import Path

import pytest

from mailcore import Mailcore, SenderNotFound
from tests.cli.running import Cli
from tests.support.authorise import ACCOUNT

FILE = """
[senders.alerts]
project = "tools"

[senders."billing.eu"]
account = "billing@example.com"
name = "Billing"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "senders.toml"
    path.write_text(FILE)
    return path


def test_senders_are_added_and_changed(cli: Cli, core: Mailcore, alerts: str, file: Path) -> None:
    """What the file says is done; what it leaves out stays; a second time changes nothing."""
    first = cli("senders", "apply", file)
    assert first.code == 0
    assert [line.split()[:2] for line in first.out.splitlines()[1:]] == [
        ["alerts", "change"],
        ["billing.eu", "add"],
    ]
    changed, added = core.senders.get(alerts), core.senders.get("billing.eu")
    assert (changed.project, changed.gmail_account) == ("tools", ACCOUNT)
    assert (added.gmail_account, added.display_name) == ("billing@example.com", "Billing")
    again = cli("senders", "apply", file, "--json").json["senders"]
    assert [change["action"] for change in again] == ["none", "none"]
    assert core.senders.events(alerts)[0].who.startswith("cli")


def test_a_dry_run_changes_nothing(cli: Cli, core: Mailcore, file: Path) -> None:
    """It tells what would happen."""
    dry = cli("senders", "apply", file, "--dry-run")
    assert "billing.eu" in dry.out
    assert "Nothing was changed" in dry.err
    assert core.senders.page().matching == 0


def test_nobody_is_deleted_by_surprise(cli: Cli, core: Mailcore, file: Path) -> None:
    """Senders that the file does not name are kept, unless deleting is asked for and confirmed."""
    core.senders.register("old", by="test")
    assert "not in the file, kept" in cli("senders", "apply", file).out
    refused = cli("senders", "apply", file, "--delete-others", stdin=b"2\n")
    assert refused.code == 64
    assert "old" in refused.err
    assert core.senders.get("old")
    assert cli("senders", "apply", file, "--delete-others", stdin=b"1\n").code == 0
    with pytest.raises(SenderNotFound):
        core.senders.get("old")
    assert core.senders.page().matching == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[senders.alerts", "not valid TOML"),
        ("alerts = 1", "one table for each sender"),
        ("[senders.Alerts]", "not a valid alias"),
        ('[senders.new]\nacount = "a@example.com"', "unknown key 'acount'"),
        ('[senders.new]\naccount = "nobody"', "not an email address"),
        ("[senders.new]\nname = 1", "texts only"),
        ('[senders.new]\n[senders.alerts]\naccount = "b@example.com"', "authorised for"),
    ],
)
def test_a_wrong_file_changes_nothing(
    cli: Cli, core: Mailcore, alerts: str, text: str, told: str
) -> None:
    """It is checked as a whole before anything happens."""
    ran = cli("senders", "apply", "/dev/stdin", stdin=text.encode())
    assert ran.code not in {0, 70}
    assert told in ran.err
    assert [sender.alias for sender in core.senders.every()] == [alerts]


def test_a_missing_file_is_named(cli: Cli) -> None:
    """As a wrong use of the command."""
    ran = cli("senders", "apply", "nowhere.toml")
    assert ran.code == 64
    assert "nowhere.toml" in ran.err

"""`pal-e-mail alerts`: what is wrong, who was told, and whether channels work."""

import pytest

from mailcore import Mailcore
from tests.cli.running import Cli
from tests.support.alert_inbox import alert_inbox
from tests.support.driving import Tables

pytestmark = pytest.mark.process


def test_alerts_are_listed_with_who_was_told(
    cli: Cli, core: Mailcore, alerts: str, tables: Tables
) -> None:
    """Without a channel it says that nobody is; with one, who."""
    quiet = cli("alerts", "list")
    assert "Nothing is wrong." in quiet.err
    assert "No channel for alerts is in use" in quiet.err
    tables("UPDATE sender SET status = 'expired', status_reason = 'refused'")
    core.alerting.look()
    [line] = [line for line in cli("alerts", "list").out.splitlines() if "Expired" in line]
    assert line.startswith("alerts")
    assert line.rstrip().endswith("nobody")

    core.alerts.add_channel("palemail://ops@example.com", by="t")
    core.alerting.look()
    listed = cli("alerts", "list", "--json").json
    [notice] = listed["alerts"][0]["notices"]
    assert notice["channel"] == "mail to ops@example.com"
    assert notice["status"] == "waiting"
    assert listed["health"]["channels"] == 1


def test_a_test_says_what_each_channel_answered(cli: Cli, core: Mailcore) -> None:
    """A script can tell from the exit code whether anybody would be told."""
    assert cli("alerts", "test").code == 78
    with alert_inbox() as inbox:
        core.alerts.add_channel(inbox.url, by="t")
        tested = cli("alerts", "test")
        assert tested.code == 0
        assert "taken" in tested.out
        assert "secret-path" not in tested.out
        inbox.is_down = True
        assert cli("alerts", "test").code == 78

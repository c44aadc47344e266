"""The queue from the command line."""

from mailcore import Mailcore
from tests.cli.running import Cli
from tests.support.driving import Tables
from tests.support.queueing import queue


def test_pausing_and_resuming(cli: Cli, core: Mailcore, alerts: str) -> None:
    """A person sees what waits, and why."""
    queue(core)
    paused = cli("senders", "pause", "alerts")
    assert (paused.code, "1 message waiting" in paused.err) == (0, True)
    assert "held" in cli("deliveries", "list").out
    assert cli("senders", "show", "alerts", "--json").json["paused_by"] == "cli"
    assert cli("senders", "resume", "alerts").code == 0
    assert cli("deliveries", "list", "--status", "queued", "--json").json["matching"] == 1


def test_many_at_once(cli: Cli, core: Mailcore, alerts: str) -> None:
    """It says how many it affects, asks, and changes nothing without a yes."""
    first = queue(core, subject="a")
    queue(core, subject="b")
    asked = cli("deliveries", "cancel", "--all", "--search", "b", stdin=b"n\n")
    assert (asked.code, "This affects 1 message." in asked.err) == (64, True)
    assert cli("deliveries", "hold", first.delivery_id, "--json").json == {"changed": 1}
    assert core.senders.events("alerts")[0].detail == "1 message"
    assert cli("deliveries", "release", "--all", "--yes", "--json").json == {"changed": 1}
    assert cli("deliveries", "cancel", "--all", "--yes", "--json").json == {"changed": 2}
    assert cli("deliveries", "cancel").code == 64
    assert cli("deliveries", "hold", "nonsense").code == 66


def test_what_lapsed_is_queued_again(cli: Cli, core: Mailcore, tables: Tables, alerts: str) -> None:
    """A person puts back what did not go out; an unknown outcome only where that is asked for."""
    lapsed, unknown = queue(core), queue(core)
    for row, status in ((lapsed, "lapsed"), (unknown, "unknown")):
        tables("UPDATE delivery SET status = %s WHERE id = %s", status, row.delivery_id)
    assert cli("deliveries", "requeue", "--all", "--yes", "--json").json == {"changed": 1}
    assert core.deliveries.get(lapsed.delivery_id).status.value == "queued"
    asked_for = ("--all", "--status", "unknown", "--yes", "--json")
    assert cli("deliveries", "requeue", *asked_for).json == {"changed": 1}


def test_limits(cli: Cli, core: Mailcore, alerts: str) -> None:
    """A sender has limits of its own; what is not given stays, and none restores the default."""
    assert cli("senders", "limit", "alerts", "--messages-per-day", "500").code == 0
    changed = cli("senders", "limit", "alerts", "--per-second", "0.5", "--json").json
    assert (changed["messages_per_day"], changed["messages_per_second"]) == (500, 0.5)
    assert "messages left        500" in cli("senders", "limit", "alerts").out
    changed = cli("senders", "limit", "alerts", "--messages-per-day", "none", "--json").json
    assert (changed["messages_per_day"], changed["messages_per_second"]) == (None, 0.5)
    assert cli("senders", "limit", "alerts", "--per-second", "fast").code == 64
    assert cli("senders", "limit", "alerts", "--per-second", "0").code == 64

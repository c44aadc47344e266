"""The log of deliveries, and deciding on open ones."""

from mailcore import DeliveryStatus, Mailcore
from mailcore.sandbox import GoogleSandbox, faults
from tests.cli.running import Cli
from tests.support.steps import send


def unknown(cli: Cli, google: GoogleSandbox) -> str:
    """Return the id of a delivery whose outcome nobody knows."""
    google.fail("send", faults.CLOSE_BEFORE)
    arguments = ("--to", "ops@example.com", "--subject", "Disk [98 %]", "--text", "On db1.")
    ran = cli("send", "alerts", *arguments, "--idempotency-key", "disk", "--json")
    assert ran.code == 69
    return str(ran.json["error"]["delivery_id"])


def test_listed_and_shown(cli: Cli, google: GoogleSandbox, alerts: str) -> None:
    """The log says what happened to each mail, to people and to programs."""
    delivery = unknown(cli, google)
    listed = cli("deliveries", "list", "--status", "unknown", "--sender", "alerts")
    for text in (delivery[:8], "ops@example.com", "Disk [98 %]", "unknown (outcome_unknown)"):
        assert text in listed.out
    [found] = cli("deliveries", "list", "--search", "disk", "--json").json["deliveries"]
    assert found == cli("deliveries", "show", delivery, "--json").json
    assert (found["id"], found["status"], found["can_retry"]) == (delivery, "unknown", True)
    assert "ops@example.com" in cli("deliveries", "show", delivery).out
    nothing = cli("deliveries", "list", "--status", "sent", "--json").json
    assert nothing == {"deliveries": [], "matching": 0}
    assert cli("deliveries", "list", "--since", "2099-01-01", "--json").json["matching"] == 0


def test_retry(cli: Cli, core: Mailcore, google: GoogleSandbox, alerts: str) -> None:
    """A person who decides to send it again does so once, and the trail says who."""
    delivery = unknown(cli, google)
    ran = cli("deliveries", "retry", delivery, "--json")
    assert (ran.code, ran.json["delivery_id"]) == (0, delivery)
    assert [sent.email["Subject"] for sent in google.outbox] == ["Disk [98 %]"]
    assert core.senders.events("alerts")[0].who == "cli"
    again = cli("deliveries", "retry", delivery)
    assert again.code == 65
    assert "is sent" in again.err
    assert len(google.outbox) == 1


def test_retry_fails(cli: Cli, core: Mailcore, google: GoogleSandbox, alerts: str) -> None:
    """Sending again ends with the code of what came of it, and the question stays open."""
    delivery = unknown(cli, google)
    google.revoke_grant("alerts@example.com")
    assert cli("deliveries", "retry", delivery).code == 77
    assert core.deliveries.get(delivery).status is DeliveryStatus.UNKNOWN


def test_arrived(cli: Cli, core: Mailcore, google: GoogleSandbox, alerts: str) -> None:
    """A person has seen it in the Sent folder: a job with the same key is told that it was sent."""
    delivery = unknown(cli, google)
    ran = cli("deliveries", "arrived", delivery, "--json")
    assert (ran.code, ran.json["status"]) == (0, "sent")
    assert send(core, idempotency_key="disk").delivery_id == delivery
    assert cli("deliveries", "arrived", delivery).code == 65
    assert core.senders.events("alerts")[0].what == "delivery arrived"
    assert google.outbox == []


def test_discard(cli: Cli, core: Mailcore, google: GoogleSandbox, alerts: str) -> None:
    """A person who decides against it settles it for good."""
    delivery = unknown(cli, google)
    ran = cli("deliveries", "discard", delivery, "--json")
    assert (ran.code, ran.json["status"]) == (0, "discarded")
    assert cli("deliveries", "retry", delivery).code == 65
    assert core.deliveries.get(delivery).status is DeliveryStatus.DISCARDED
    assert google.outbox == []

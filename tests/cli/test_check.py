"""`check`: is anybody needed?"""

from collections.abc import Callable

from mailcore import Mailcore, SenderStatus
from mailcore.sandbox import GoogleSandbox, faults
from tests.cli.running import Cli
from tests.support.driving import Tables

AUTHORISE = "Authorise with `pal-e-mail auth ALIAS`, or on the admin page.\n"


def test_all_is_well(cli: Cli, google: GoogleSandbox, alerts: str) -> None:
    """Every grant is really renewed at Google; when all works, the exit code is 0."""
    before = google.requests.refreshes("alerts@example.com")
    ran = cli("check")
    assert (ran.code, ran.err) == (0, "1 healthy.\n")
    assert "healthy" in ran.out
    assert google.requests.refreshes("alerts@example.com") == before + 1


def test_several_senders(
    cli: Cli, core: Mailcore, google: GoogleSandbox, authorise: Callable[[str], None]
) -> None:
    """One look tells who works, who needs somebody, and why; the page knows it too."""
    for account in google.accounts:
        alias = account.partition("@")[0]
        core.senders.register(alias, gmail_account=account, by="test")
        authorise(alias)
    core.senders.register("new", by="test")
    google.revoke_grant("billing@example.com")
    ran = cli("check", "--json")
    assert ran.code == 1
    results = {each["sender"]["alias"]: each for each in ran.json["results"]}
    statuses = {alias: each["sender"]["status"] for alias, each in results.items()}
    assert statuses == {
        "alerts": "healthy",
        "billing": "expired",
        "reports": "healthy",
        "new": "pending",
    }
    assert {alias for alias, each in results.items() if each["cannot_send"]} == {"billing", "new"}
    assert "invalid_grant" in results["billing"]["sender"]["status_reason"]
    assert core.senders.get("billing").status is SenderStatus.EXPIRED
    assert cli("check").err == f"2 healthy, 1 expired, 1 pending.\n{AUTHORISE}"
    assert cli("check", "new").err == f"0 healthy, 1 pending.\n{AUTHORISE}"
    assert cli("check", "alerts", "reports").code == 0


def test_expiring(cli: Cli, tables: Tables, google: GoogleSandbox, alerts: str) -> None:
    """A grant that ends soon still works, so nobody has to act now; it is told all the same."""
    tables("UPDATE sender SET grant_expires_at = now() + interval '47 hours'")
    ran = cli("check")
    assert (ran.code, ran.err) == (0, "0 healthy, 1 expiring.\n")


def test_unknown_mail(cli: Cli, core: Mailcore, google: GoogleSandbox, alerts: str) -> None:
    """Mail that waits for a decision is counted, with the command that lists it."""
    core.senders.register("gone", by="test")
    for _ in range(2):
        google.fail("send", faults.CLOSE_BEFORE)
        mail = ("--to", "ops@example.com", "--subject", "S", "--text", "T")
        assert cli("send", "alerts", *mail).code == 69
    ran = cli("check", "alerts")
    assert ran.code == 0
    assert "2 messages may or may not have been sent" in ran.err
    assert "pal-e-mail deliveries list --status unknown" in ran.err
    assert cli("check", "gone", "--json").json["unknown"] == 0
    assert cli("check", "--json").json["unknown"] == 2
    core.senders.delete("alerts", by="test")
    assert cli("check", "--json").json["unknown"] == 2


def test_google_is_down(cli: Cli, core: Mailcore, google: GoogleSandbox, alerts: str) -> None:
    """An outage at Google is no expired sender: nobody is called, and it can be tried later."""
    google.fail("token", faults.SERVICE_UNAVAILABLE_HTML, times=None)
    ran = cli("check", "--json")
    assert ran.code == 75
    [result] = ran.json["results"]
    assert result["error"]["code"] == "temporary_failure"
    assert not result["cannot_send"]
    assert core.senders.get("alerts").status is SenderStatus.HEALTHY


def test_when_google_was_last_asked(
    cli: Cli, core: Mailcore, google: GoogleSandbox, tables: Tables, alerts: str
) -> None:
    """Whoever cannot be asked now was asked by a worker some hours ago; one that just was, now."""
    core.senders.register("new", by="test")
    results = {each["sender"]["alias"]: each for each in cli("check", "--json").json["results"]}
    assert results["new"]["asked_at"] is None
    assert results["alerts"]["asked_at"] == results["alerts"]["sender"]["probed_at"] is not None
    lines = cli("check").out.splitlines()
    assert ["just now" in line for line in lines if "alerts" in line] == [True]
    assert ["never" in line for line in lines if "new" in line] == [True]
    tables(
        "UPDATE sender SET probed_at = now() - interval '2 h 1 min',"
        " last_refreshed_at = now() - interval '3 h'"
    )
    google.fail("token", faults.SERVICE_UNAVAILABLE_HTML, times=None)
    assert "2 h ago" in cli("check").out


def test_client_is_refused(cli: Cli, google: GoogleSandbox, alerts: str) -> None:
    """A refused OAuth client is the deployment's fault, and no sender's."""
    google.fail("token", faults.INVALID_CLIENT, times=None)
    ran = cli("check")
    assert ran.code == 78
    assert "not checked" in ran.out


def test_nobody_there(cli: Cli) -> None:
    """A deployment without senders has nothing to check."""
    ran = cli("check", "--json")
    assert (ran.code, ran.json) == (0, {"results": [], "unknown": 0})

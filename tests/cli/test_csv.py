"""`--csv`: lists for spreadsheets."""

import csv
import io

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.cli.running import Cli
from tests.support.authorise import ACCOUNT


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_senders(cli: Cli, core: Mailcore, alerts: str) -> None:
    """Each has its line; the filters hold."""
    core.senders.register("reports", display_name='Reports, "weekly"', by="test")
    found = {row["alias"]: row for row in rows(cli("senders", "list", "--csv").out)}
    assert set(found) == {alerts, "reports"}
    assert found[alerts]["gmail_account"] == ACCOUNT
    assert found[alerts]["grant_expires_at"].endswith("+00:00")
    assert found["reports"]["display_name"] == 'Reports, "weekly"'
    [pending] = rows(cli("senders", "list", "--csv", "--status", "pending").out)
    assert pending["alias"] == "reports"


def test_all_deliveries_are_listed(cli: Cli, core: Mailcore, alerts: str) -> None:
    """Not only the first page, and none twice."""
    ids = [
        core.queue_email(alerts, to="ann@example.com", subject=f"s{number}", text="t").delivery_id
        for number in range(30)
    ]
    found = rows(cli("deliveries", "list", "--csv").out)
    assert [row["id"] for row in found] == ids[::-1]


def test_a_subject_is_no_formula(
    cli: Cli, core: Mailcore, alerts: str, google: GoogleSandbox
) -> None:
    """A spreadsheet would run it."""
    core.send_email(alerts, to="ann@example.com", subject='=HYPERLINK("http://evil")', text="t")
    [row] = rows(cli("deliveries", "list", "--csv").out)
    assert row["subject"] == '\'=HYPERLINK("http://evil")'
    assert row["status"] == "sent"

"""The question that the admin is asked before a sender takes an account that came by a link."""

from mailcore import Mailcore, SenderStatus
from mailcore.sandbox import GoogleSandbox
from tests.admin_ui.admin_calling import ALERTS
from tests.admin_ui.test_admin_pages import Visit, texts, visit
from tests.support.authorise import come_back

__all__ = ["visit"]


def brought(core: Mailcore, google: GoogleSandbox) -> None:
    core.senders.register("alerts", by="test")
    url = core.tickets.issue("alerts", by="ann@example.com", any_mailbox=True).url
    begun = core.tickets.redeem(str(url).rpartition("/")[2])
    come_back(core, google.consent(begun.url, ALERTS))


def test_an_admin_confirms_the_account(visit: Visit, core: Mailcore, google: GoogleSandbox) -> None:
    """It is named, with a button to take it and one to reject it."""
    brought(core, google)
    app = visit("sender", sender="alerts")
    assert not app.exception
    assert "until you confirm that it is the right mailbox" in texts(app)
    [take] = [button for button in app.button if button.label.startswith("Send from")]
    take.click().run()
    assert core.senders.get("alerts").status is SenderStatus.HEALTHY


def test_an_admin_rejects_the_account(visit: Visit, core: Mailcore, google: GoogleSandbox) -> None:
    """The sender has none, as before."""
    brought(core, google)
    app = visit("sender", sender="alerts")
    [reject] = [button for button in app.button if button.label == "Reject it"]
    reject.click().run()
    assert core.senders.get("alerts").offered_account is None
    assert core.senders.get("alerts").status is SenderStatus.PENDING

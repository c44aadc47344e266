"""What the tests of sending share: an authorised sender."""

import pytest

from mailcore import Mailcore, Sender
from mailcore.sandbox import GoogleSandbox
from tests.sending.steps import ACCOUNT, authorise


@pytest.fixture
def alerts(core: Mailcore, google: GoogleSandbox) -> Sender:
    """The sender *alerts*, registered and authorised as a person does it."""
    core.senders.register("alerts", gmail_account=ACCOUNT, project="shop", by="ann")
    return authorise(core, google, "alerts")

"""A deleted sender leaves no grant behind that nobody uses, whatever happens meanwhile."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event

from mailcore import Mailcore, Revocation, SenderNotFound
from mailcore.sandbox import GoogleSandbox
from tests.support.driving import ACCOUNT, authorise, come_back


def test_two_senders_of_one_account_deleted_at_once(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """Each sees the other one until both are gone; then one of them ends the grant."""
    core.senders.register("other", gmail_account=ACCOUNT, by="t")
    authorise(core, google, "other")
    both = threading.Barrier(2)

    def meet(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("DELETE FROM sender "):
            both.wait(timeout=20)

    event.listen(core._database.engine, "after_cursor_execute", meet)
    with ThreadPoolExecutor(2) as pool:
        outcomes = {
            each.grant
            for each in pool.map(
                lambda alias: core.senders.delete(alias, by="t"), [authorised, "other"]
            )
        }
    assert Revocation.REVOKED in outcomes
    assert google.requests.revocations(ACCOUNT) >= 1


@pytest.mark.parametrize("keep_grant", [False, True])
def test_a_reauth_under_way_while_its_sender_is_deleted(
    core: Mailcore, google: GoogleSandbox, authorised: str, *, keep_grant: bool
) -> None:
    """The grant that comes too late is ended, too, unless grants were to be kept."""
    address = google.consent(core.authorizations.begin(authorised, by="t").url)
    with google.hold("token", at="answer") as gate, ThreadPoolExecutor(1) as pool:
        completing = pool.submit(come_back, core, address)
        gate.wait_for_arrivals(1)
        core.senders.delete(authorised, by="ann", keep_grant=keep_grant)
        before = google.requests.revocations(ACCOUNT)
        gate.release()
        with pytest.raises(SenderNotFound):
            completing.result()
    assert google.requests.revocations(ACCOUNT) - before == int(not keep_grant)

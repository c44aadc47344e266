"""A deleted sender's grant: ended at Google, and people are told whether that worked."""

import pytest

from mailcore import Mailcore, Revocation, SenderNotFound
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import ACCOUNT, authorise


def test_deleting_a_sender_ends_its_grant(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """Nobody who kept a copy of its tokens can send any more."""
    deleted = core.senders.delete(authorised, by="ann")
    assert (deleted.alias, deleted.grant) == (authorised, Revocation.REVOKED)
    assert google.requests.revocations(ACCOUNT) == 1
    newest, before = core.senders.events(authorised)[:2]
    assert (newest.what, newest.who, before.what) == ("grant revoked", "ann", "deleted")


@pytest.mark.parametrize("fault", [faults.CLOSE_BEFORE, faults.SERVICE_UNAVAILABLE_HTML])
def test_a_grant_that_cannot_be_ended_keeps_no_sender(
    core: Mailcore, google: GoogleSandbox, authorised: str, fault: faults.Fault
) -> None:
    """The sender is gone all the same, and the history says that its grant may not be."""
    google.fail("revoke", fault)
    assert core.senders.delete(authorised, by="ann").grant is Revocation.FAILED
    with pytest.raises(SenderNotFound):
        core.senders.get(authorised)
    assert core.senders.events(authorised)[0].what == "grant not revoked"


def test_a_grant_that_is_dead_already_is_as_good_as_revoked(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """Google refuses to end what has ended; nothing is left for a person to do."""
    google.revoke_grant(ACCOUNT)
    assert core.senders.delete(authorised, by="ann").grant is Revocation.REVOKED


def test_a_grant_can_be_kept(core: Mailcore, google: GoogleSandbox, authorised: str) -> None:
    """Another program may live on it."""
    assert core.senders.delete(authorised, by="ann", keep_grant=True).grant is Revocation.KEPT
    assert google.requests.revocations() == 0


def test_a_sender_of_the_same_account_goes_on(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """Google would end every grant of the account, so that the other sender died as well."""
    core.senders.register("other", gmail_account=ACCOUNT, by="t")
    authorise(core, google, "other")
    assert core.senders.delete(authorised, by="ann").grant is Revocation.SHARED
    assert core.check("other").status == "healthy"
    assert core.senders.delete("other", by="ann").grant is Revocation.REVOKED


def test_a_sender_without_a_grant_has_none_to_end(core: Mailcore, google: GoogleSandbox) -> None:
    """Google is not asked."""
    core.senders.register("new", by="t")
    assert core.senders.delete("new", by="ann").grant is Revocation.NO_GRANT
    assert google.requests.revocations() == 0

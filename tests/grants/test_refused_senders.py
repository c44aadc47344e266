"""A sender that Google has refused: what it still gets, and what brings it back."""

import pytest

from mailcore import (
    Mailcore,
    ReauthRequired,
    SenderBlocked,
    SenderStatus,
    TemporaryFailure,
    describe_grant,
    now,
)
from mailcore.sandbox import GoogleSandbox, faults
from tests.support.authorise import ACCOUNT
from tests.support.driving import Tables
from tests.support.steps import history, send


def test_a_refused_sender_gets_no_access_token(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """A job is told that the grant is gone, though its access token has not run out yet."""
    google.fail("token", faults.INVALID_GRANT)
    assert core.check(authorised).status is SenderStatus.EXPIRED
    with pytest.raises(ReauthRequired) as caught:
        core.access_token(authorised)
    assert caught.value.remedy == f"Re-authorise it on {core.settings.public_url}."


def test_a_blocked_sender_gets_no_access_token(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """The same for an account that Google has suspended."""
    google.fail("token", faults.ADMIN_POLICY_ENFORCED)
    assert core.check(authorised).status is SenderStatus.BLOCKED
    with pytest.raises(SenderBlocked, match="Workspace admin"):
        core.access_token(authorised)


@pytest.mark.parametrize("fault", [faults.INVALID_GRANT, faults.ADMIN_POLICY_ENFORCED])
def test_a_renewed_grant_brings_a_sender_back(
    core: Mailcore, google: GoogleSandbox, authorised: str, fault: faults.Fault
) -> None:
    """The token endpoint takes its refusal back: the badge is green again, without a re-auth."""
    google.fail("token", fault)
    parked = core.check(authorised)
    back = core.check(authorised)
    assert (parked.status is SenderStatus.HEALTHY, back.status) == (False, SenderStatus.HEALTHY)
    assert (back.status_reason, back.last_error_code) == (None, None)
    assert back.generation == parked.generation
    assert history(core)[-2:] == [parked.status, "healthy"]


def test_a_renewal_does_not_refute_gmail(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """Gmail refuses the mailbox, and the token endpoint renews its grant: it stays blocked."""
    google.fail("send", faults.MAIL_SERVICE_NOT_ENABLED)
    with pytest.raises(SenderBlocked):
        send(core)
    sender = core.check(authorised)
    assert (sender.status, sender.last_error_code) == (SenderStatus.BLOCKED, "sender_blocked")


def test_a_grant_of_another_client_shows_red(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """After the client was swapped: the sender is expired, and no password is blamed."""
    google.fail("token", faults.UNAUTHORIZED_CLIENT)
    sender = core.check(authorised)
    assert sender.status is SenderStatus.EXPIRED
    assert "a different OAuth client" in str(sender.status_reason)
    assert "another OAuth client" in describe_grant(sender, now())
    assert core.check(authorised).status is SenderStatus.HEALTHY


def test_a_refused_access_token_is_never_posted_again(
    core: Mailcore, google: GoogleSandbox, authorised: str, tables: Tables
) -> None:
    """Gmail ends an access token while the token endpoint is down: one 401, and not eleven."""
    google.expire_access_tokens(ACCOUNT)
    google.fail("token", faults.INTERNAL_FAILURE, times=None)
    google.requests.reset()
    for _ in range(2):
        with pytest.raises(TemporaryFailure):
            send(core, timeout=1)
    assert google.requests.sends() == 1
    google.heal()
    assert send(core).alias == authorised


def test_a_check_during_an_outage_costs_no_access_token(
    core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """Whoever only asks, and gets no answer, leaves jobs the access token that they have."""
    google.fail("token", faults.INTERNAL_FAILURE)
    with pytest.raises(TemporaryFailure):
        core.check(authorised)
    google.requests.reset()
    assert core.access_token(authorised)
    assert google.requests.refreshes() == 0

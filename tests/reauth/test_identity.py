"""Whose grant it is: the account, under whatever name, and what Google keeps of a grant."""

from collections.abc import Iterator
from typing import Any

import pytest

from mailcore import Mailcore, RefreshTokenMissing, SenderStatus, Settings, WrongAccount
from mailcore.sandbox import GoogleSandbox
from tests.support.authorise import ACCOUNT, authorise, come_back, query
from tests.support.token_stand_in import TokenStandIn


@pytest.fixture
def endpoint() -> Iterator[TokenStandIn]:
    with TokenStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def elsewhere(settings: Settings, endpoint: TokenStandIn) -> Iterator[Mailcore]:
    """A deployment on a token endpoint that answers as the test wants."""
    core = Mailcore(settings.model_copy(update={"google_token_uri": endpoint.token_uri}))
    yield core
    core.close()


def consent(
    core: Mailcore, endpoint: TokenStandIn, account: str = ACCOUNT, **answer: Any
) -> SenderStatus:
    """Re-authorise the sender; the token endpoint answers with these changes."""
    client_id = core.settings.google_client_id
    assert client_id is not None
    claims = answer.pop("claims", {})
    endpoint.answer_json({**endpoint.tokens(client_id, account, **claims), **answer})
    state = query(core.authorizations.begin("alerts", by="ann").url)["state"]
    return come_back(core, f"http://x/?state={state}&code=any").sender.status


@pytest.mark.parametrize("consented", ["alerts@bücher.example", "alerts@xn--bcher-kva.example"])
def test_an_international_domain_is_one_in_both_spellings(
    elsewhere: Mailcore, endpoint: TokenStandIn, consented: str
) -> None:
    """Registered as people write it, consented as Google writes it: no wrong account."""
    elsewhere.senders.register("alerts", gmail_account="alerts@Bücher.example", by="t")
    assert consent(elsewhere, endpoint, consented) is SenderStatus.HEALTHY


def test_an_address_that_changed_hands_is_a_wrong_account(
    elsewhere: Mailcore, endpoint: TokenStandIn
) -> None:
    """A Workspace gave the address of someone who left to somebody else."""
    elsewhere.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    consent(elsewhere, endpoint, claims={"sub": "1001"})
    assert consent(elsewhere, endpoint, claims={"sub": "1001"}) is SenderStatus.HEALTHY
    with pytest.raises(WrongAccount, match="a different Google account"):
        consent(elsewhere, endpoint, claims={"sub": "2002"})
    assert elsewhere.senders.get("alerts").generation == 2


def test_the_history_names_an_account_that_was_adopted(
    core: Mailcore, google: GoogleSandbox
) -> None:
    """Whoever's mailbox a sender took on with its first consent can be looked up."""
    core.senders.register("alerts", by="t")
    authorise(core, google, account=ACCOUNT)
    assert core.senders.events("alerts")[0].detail == f"adopted the account {ACCOUNT}"
    authorise(core, google)
    assert core.senders.events("alerts")[0].detail is None


def test_a_grant_that_google_keeps_keeps_its_end(
    elsewhere: Mailcore, endpoint: TokenStandIn
) -> None:
    """A re-consent without a refresh token leaves the countdown of the grant that stays."""
    elsewhere.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    consent(elsewhere, endpoint, refresh_token_expires_in=3600)
    before = elsewhere.senders.get("alerts")
    consent(elsewhere, endpoint, refresh_token=None)
    after = elsewhere.senders.get("alerts")
    assert before.grant_expires_at is not None
    assert (after.generation, after.grant_expires_at) == (2, before.grant_expires_at)
    assert after.grant_issued_at == before.grant_issued_at


def test_a_grant_that_google_refused_is_not_kept(
    elsewhere: Mailcore, endpoint: TokenStandIn
) -> None:
    """Without a new refresh token, the sender would be green for an hour only."""
    elsewhere.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    consent(elsewhere, endpoint)
    endpoint.answer_json({"error": "invalid_grant"}, 400)
    assert elsewhere.check("alerts").status is SenderStatus.EXPIRED
    with pytest.raises(RefreshTokenMissing):
        consent(elsewhere, endpoint, refresh_token=None)
    assert elsewhere.senders.get("alerts").status is SenderStatus.EXPIRED

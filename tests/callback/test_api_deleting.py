"""Deleting a sender by the API: its grant at Google ends, or is kept, as the caller says."""

import pytest
from starlette.testclient import TestClient

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.support.driving import ACCOUNT


@pytest.mark.parametrize(("keep", "grant"), [("true", "kept"), ("false", "revoked")])
def test_a_grant_is_kept_if_the_caller_says_so(
    api: TestClient, google: GoogleSandbox, authorised: str, keep: str, grant: str
) -> None:
    """Another program may live on it."""
    answer = api.delete(f"/senders/{authorised}", params={"keep_grant": keep})
    assert (answer.status_code, answer.json()["grant"]) == (200, grant)
    assert google.requests.revocations(ACCOUNT) == int(grant == "revoked")


@pytest.mark.parametrize("query", ["keep_grant=yes", "keep_grant=", "keep=true"])
def test_a_query_that_is_not_understood_deletes_nothing(
    api: TestClient, core: Mailcore, authorised: str, query: str
) -> None:
    """Guessing could end a grant that was to be kept."""
    answer = api.delete(f"/senders/{authorised}?{query}")
    assert answer.status_code == 422
    assert core.senders.get(authorised).alias == authorised

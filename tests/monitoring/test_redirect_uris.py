"""A client whose file does not know our callback: Google would refuse every re-auth."""

import json
from collections.abc import Iterator

import pytest

from mailcore import Finding, FindingState, Mailcore, Settings
from mailcore.sandbox import GoogleSandbox

OURS = "http://localhost:8501/senders/callback"
THEIRS = "https://old.example.com/senders/callback"


@pytest.fixture
def fresh(settings: Settings) -> Iterator[Mailcore]:
    """A deployment whose client is stored on the Setup page."""
    nothing = {"google_client_id": None, "google_client_secret": None}
    core = Mailcore(settings.model_copy(update=nothing))
    yield core
    core.close()


def callback_address(core: Mailcore) -> Finding:
    [found] = [finding for finding in core.doctor() if finding.name == "Callback address"]
    return found


def uploaded(google: GoogleSandbox, redirect_uris: list[str], kind: str = "web") -> str:
    client = json.loads(google.credentials_json)["web"]
    return json.dumps({kind: {**client, "redirect_uris": redirect_uris}})


def test_a_file_without_our_address_is_told(fresh: Mailcore, google: GoogleSandbox) -> None:
    """The admin is told which line to add, instead of meeting redirect_uri_mismatch at Google."""
    fresh.client.store(uploaded(google, [THEIRS]), by="t")
    found = callback_address(fresh)
    assert found.state is FindingState.NOTE
    assert THEIRS in found.detail
    assert f"add exactly {OURS}" in str(found.remedy)


def test_a_file_with_our_address_is_well(fresh: Mailcore, google: GoogleSandbox) -> None:
    """Green, because it was looked at."""
    fresh.client.store(uploaded(google, [THEIRS, OURS]), by="t")
    found = callback_address(fresh)
    assert (found.state, found.remedy) == (FindingState.OK, None)
    assert "file lists" in found.detail


def test_where_no_file_says_nothing_is_claimed(fresh: Mailcore, google: GoogleSandbox) -> None:
    """An id and a secret, or a desktop client, tell nothing of redirect URIs."""
    fresh.client.store_pair(google.client_id, google.client_secret, by="t")
    assert callback_address(fresh).state is FindingState.UNCHECKED
    fresh.client.store(uploaded(google, ["http://localhost"], "installed"), by="t")
    assert callback_address(fresh).state is FindingState.UNCHECKED

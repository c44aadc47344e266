"""What a portal or a broken gateway says in the token endpoint's place is stored for no grant."""

import json

import pytest

from mailcore import Mailcore, Sender, SenderStatus, TemporaryFailure
from mailcore.sandbox import Fault, GoogleSandbox
from tests.support.driving import Tables
from tests.support.steps import send


@pytest.fixture
def stale(core: Mailcore, authorised: str, tables: Tables) -> Sender:
    """A sender whose access has to be renewed before it sends."""
    tables.make_access_tokens_stale()
    return core.senders.get(authorised)


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": {"of": "something else"}},
        {"access_token": "in two\nlines"},
        {"access_token": "tökén"},
        {"access_token": "good", "refresh_token": 7},
    ],
    ids=str,
)
def test_what_is_no_token_is_not_taken_for_one(
    core: Mailcore, google: GoogleSandbox, stale: Sender, answer: dict[str, object]
) -> None:
    """The mail waits, nobody is blamed, and the grant works once the token endpoint is back."""
    google.fail("token", Fault("portal", body=json.dumps(answer).encode()), times=None)
    with pytest.raises(TemporaryFailure):
        send(core, timeout=1)
    with pytest.raises(TemporaryFailure):
        core.access_token(stale.alias)
    google.heal()
    send(core)
    assert core.senders.get(stale.alias).status is SenderStatus.HEALTHY


@pytest.mark.parametrize("status", [204, 302])
def test_only_a_refusal_refuses_a_grant(
    core: Mailcore, google: GoogleSandbox, stale: Sender, status: int
) -> None:
    """A redirect is a portal's, whatever it carries: it is not followed, and expires nobody."""
    body = b'{"error": "invalid_grant"}' if status != 204 else b""
    fault = Fault("portal", status=status, body=body, headers={"Location": google.url})
    google.fail("token", fault, times=None)
    with pytest.raises(TemporaryFailure):
        send(core, timeout=1)
    assert core.senders.get(stale.alias).status is SenderStatus.HEALTHY

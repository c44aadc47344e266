"""The consent page, as a person and as a client see it."""

from urllib.parse import urlencode

import pytest

from mailcore.sandbox import ConsentRefused, GoogleSandbox
from tests.sandbox.sandbox_calling import ANN, BOB, REDIRECT, SCOPES, Caller, query_of


def test_the_page_says_that_it_is_not_google_and_lists_every_account(caller: Caller) -> None:
    """Nobody can mistake the sandbox for Google, and everybody finds their account."""
    page = caller.request("GET", caller.authorization_url()).data.decode()
    assert "This is not Google" in page
    assert ANN in page
    assert BOB in page
    assert "Send email on your behalf" in page
    assert "viewport" in page


def test_the_hinted_account_is_chosen_beforehand(caller: Caller) -> None:
    """With a login hint, one click on Continue is enough; case does not matter."""
    page = caller.request("GET", caller.authorization_url(login_hint=BOB.upper())).data.decode()
    assert f'value="{BOB}" checked' in page
    assert f'value="{ANN}" checked' not in page


def test_select_account_chooses_nobody_beforehand(caller: Caller) -> None:
    """When the client asks for a choice, the person has to make one."""
    url = caller.authorization_url(prompt="select_account consent")
    page = caller.request("GET", url).data.decode()
    assert 'name="account" required' in page
    assert f'"{ANN}" checked' not in page


def test_allow_sends_the_person_back_with_code_and_state(caller: Caller) -> None:
    """The client gets its own state back, a code, and what was granted."""
    back = caller.google.consent(caller.authorization_url(), ANN)
    assert back.startswith(REDIRECT + "?")
    outcome = query_of(back)
    assert outcome["state"] == "a-state"
    assert outcome["code"]
    assert outcome["scope"] == SCOPES


def test_cancel_sends_the_person_back_with_access_denied(caller: Caller) -> None:
    """A cancelled consent carries the state and no code."""
    back = caller.google.consent(caller.authorization_url(), cancel=True)
    assert query_of(back) == {"state": "a-state", "error": "access_denied"}


def test_an_unticked_permission_is_not_granted(caller: Caller) -> None:
    """Signing in stays granted; the unticked permission is missing from the answer."""
    back = caller.google.consent(caller.authorization_url(), untick=["gmail.send"])
    assert query_of(back)["scope"] == ("openid https://www.googleapis.com/auth/userinfo.email")


def test_refusing_everything_counts_as_cancelling(caller: Caller) -> None:
    """With nothing left to grant there is no code."""
    url = caller.authorization_url(scope="https://www.googleapis.com/auth/gmail.send")
    back = caller.google.consent(url, untick=["gmail.send"])
    assert query_of(back)["error"] == "access_denied"


def test_allow_without_an_account_shows_the_page_again(caller: Caller) -> None:
    """A person who chose nobody is told so, and sent nowhere."""
    answer = caller.request(
        "POST", caller.authorization_url(), body=urlencode({"decision": "allow"})
    )
    assert answer.status == 400
    assert "Choose an account" in answer.data.decode()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"client_id": "another"}, "invalid_client"),
        ({"client_id": None}, "client_id"),
        ({"redirect_uri": "http://example.com/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": "https://example.com/#part"}, "redirect_uri_mismatch"),
        ({"redirect_uri": None}, "redirect_uri"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": None}, "scope"),
        ({"scope": "gmail.send"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_a_wrong_request_shows_an_error_page_and_no_form(
    caller: Caller, change: dict[str, str | None], error: str
) -> None:
    """As at Google, the person sees what is wrong, and is not sent back to the client."""
    with pytest.raises(ConsentRefused) as caught:
        caller.google.consent(caller.authorization_url(**change))
    assert caught.value.status in {400, 401}
    assert error in caught.value.page
    assert "<form" not in caught.value.page


def test_an_account_that_is_not_there_is_named(google: GoogleSandbox, caller: Caller) -> None:
    """A typo in a test is told apart from a bug in the program under test."""
    with pytest.raises(LookupError, match=r"carl@example\.com.*ann@example\.com"):
        google.consent(caller.authorization_url(), "carl@example.com")

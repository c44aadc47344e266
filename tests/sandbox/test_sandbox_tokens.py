"""The token endpoint, with Google's own libraries and without."""

import base64
import functools
import json
from typing import Any
from urllib.parse import quote

import google.oauth2.credentials
import pytest
import requests
import urllib3
from authlib.integrations.requests_client import (  # type: ignore[import-untyped]
    OAuth2Session,
)
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google_auth_oauthlib.flow import Flow
from joserfc import jwt
from joserfc.jwk import KeySet

from mailcore.sandbox import GoogleSandbox
from tests.sandbox.sandbox_calling import ANN, BOB, REDIRECT, SCOPES, VERIFIER, Caller, query_of


def test_googles_own_flow_gets_tokens(
    google: GoogleSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """google-auth-oauthlib's flow works from its link to a refreshed token."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    config = json.loads(google.credentials_json)
    flow = Flow.from_client_config(config, scopes=SCOPES.split(), redirect_uri=REDIRECT)
    url, state = flow.authorization_url(access_type="offline", prompt="consent")
    outcome = query_of(google.consent(url, BOB))
    assert outcome["state"] == state
    with flow.oauth2session:
        token = flow.fetch_token(code=outcome["code"], timeout=10)
    assert token["refresh_token_expires_in"] == 604799
    assert token["expires_in"] == 3599

    credentials = flow.credentials
    first = credentials.token
    with requests.Session() as session:
        credentials.refresh(functools.partial(Request(session), timeout=10))
    assert credentials.token != first
    assert google.requests.exchanges(BOB) == 1
    assert google.requests.refreshes(BOB) == 1
    assert google.requests.refreshes(ANN) == 0


def test_a_revoked_grant_cannot_be_refreshed(google: GoogleSandbox) -> None:
    """google-auth sees what it sees from Google: invalid_grant, expired or revoked."""
    tokens = google.issue_grant(ANN)
    google.revoke_grant(ANN)
    credentials = google_credentials(google, tokens)
    with requests.Session() as session, pytest.raises(RefreshError) as caught:
        credentials.refresh(  # type: ignore[no-untyped-call]
            functools.partial(Request(session), timeout=10)
        )
    assert caught.value.args[1] == {
        "error": "invalid_grant",
        "error_description": "Token has been expired or revoked.",
    }


def google_credentials(
    sandbox: GoogleSandbox, tokens: dict[str, Any]
) -> google.oauth2.credentials.Credentials:
    return google.oauth2.credentials.Credentials(  # type: ignore[no-untyped-call]
        token=tokens["access_token"],
        refresh_token=tokens["refresh_token"],
        token_uri=sandbox.token_uri,
        client_id=sandbox.client_id,
        client_secret=sandbox.client_secret,
    )


def test_a_code_works_once(caller: Caller) -> None:
    """A replayed code is refused, and the first answer's tokens go on working."""
    code = caller.code()
    status, tokens = caller.exchange(code)
    assert status == 200
    status, error = caller.exchange(code)
    assert (status, error["error"]) == (400, "invalid_grant")
    assert caller.refresh(tokens["refresh_token"])[0] == 200


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"code_verifier": "w" * 64}, 400, "invalid_grant"),
        ({"code_verifier": ""}, 400, "invalid_grant"),
        ({"redirect_uri": "http://localhost/other"}, 400, "redirect_uri_mismatch"),
        ({"client_secret": "guessed"}, 401, "invalid_client"),
        ({"client_id": "another"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"code": "4/forged"}, 400, "invalid_grant"),
    ],
)
def test_a_wrong_exchange_is_refused(
    caller: Caller, change: dict[str, str], status: int, error: str
) -> None:
    """Each check of the exchange bites, with Google's status and code."""
    got, answer = caller.exchange(caller.code(), **change)
    assert (got, answer["error"]) == (status, error)


def test_credentials_may_come_as_http_basic(caller: Caller) -> None:
    """The client's id and secret are taken from the header as well as from the body."""
    pair = f"{quote(caller.google.client_id)}:{quote(caller.google.client_secret)}"
    tokens = caller.google.issue_grant(ANN)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    basic = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    assert caller.token_bare(form, basic)[0] == 200
    assert caller.token_bare(form, {"Authorization": "Basic ???"})[0] == 401


def test_a_refresh_token_belongs_to_its_client(caller: Caller) -> None:
    """Another OAuth client, though registered, cannot use it."""
    other = caller.google.register_client()
    tokens = caller.google.issue_grant(ANN, client=other)
    status, answer = caller.refresh(tokens["refresh_token"])
    assert (status, answer["error"]) == (401, "unauthorized_client")
    credentials = {"client_id": other.client_id, "client_secret": other.client_secret}
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert caller.token(**form, **credentials)[0] == 200


def test_a_refresh_token_comes_only_when_asked_for(caller: Caller) -> None:
    """Not without access_type=offline; and not a second time without prompt=consent."""

    def has_one(access_type: str | None, prompt: str | None) -> bool:
        code = caller.code(access_type=access_type, prompt=prompt)
        return "refresh_token" in caller.exchange(code)[1]

    assert not has_one(access_type=None, prompt="consent")
    assert has_one(access_type="offline", prompt=None)
    assert not has_one(access_type="offline", prompt=None)
    assert has_one(access_type="offline", prompt="consent")


def test_a_grant_in_testing_ends_by_itself() -> None:
    """The answer says how long the grant holds; without an end it says nothing."""
    with GoogleSandbox(grant_days=None) as google:
        [account, *_] = google.accounts
        assert "refresh_token_expires_in" not in google.issue_grant(account)
        assert google.issue_grant(account, days=2)["refresh_token_expires_in"] == 172799


def test_a_grant_past_its_days_is_refused(caller: Caller) -> None:
    """Once the days are over, the refresh is refused as if it had been revoked."""
    tokens = caller.google.issue_grant(ANN, days=0)
    status, answer = caller.refresh(tokens["refresh_token"])
    assert (status, answer["error"]) == (400, "invalid_grant")


def test_the_id_token_is_signed_and_says_who_consented(caller: Caller) -> None:
    """Any OpenID Connect client can check it with discovery and JWKS alone."""
    about = caller.request("GET", "/.well-known/openid-configuration").json()
    keys = KeySet.import_key_set(caller.request("GET", about["jwks_uri"]).json())
    _, tokens = caller.exchange(caller.code(nonce="a-nonce"))
    claims = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims
    assert claims["iss"] == about["issuer"] == caller.google.url
    assert claims["aud"] == caller.google.client_id
    assert (claims["email"], claims["email_verified"]) == (ANN, True)
    assert claims["nonce"] == "a-nonce"
    assert claims["exp"] - claims["iat"] == 3600


def test_without_openid_there_is_no_id_token(caller: Caller) -> None:
    """A client that asks only for mail learns nothing about the person."""
    tokens = caller.google.issue_grant(ANN, ["gmail.send"])
    assert "id_token" not in tokens


def test_revoking_one_token_ends_all_that_the_client_may_do(caller: Caller) -> None:
    """As at Google: the access token's refresh token goes too, and a second time is an error."""
    tokens = caller.google.issue_grant(ANN)
    body = f"token={quote(tokens['access_token'])}"
    assert caller.request("POST", "/revoke", body=body).status == 200
    assert caller.request("POST", "/revoke", body=body).status == 400
    assert caller.refresh(tokens["refresh_token"])[0] == 400
    assert caller.google.requests.revocations(ANN) == 2


def test_authlib_signs_people_in(google: GoogleSandbox) -> None:
    """The library behind Streamlit's login goes from discovery to a checked identity."""
    with urllib3.PoolManager(retries=False) as http:
        about = http.request("GET", f"{google.url}/.well-known/openid-configuration").json()
        keys = KeySet.import_key_set(http.request("GET", about["jwks_uri"]).json())
    with OAuth2Session(
        google.client_id,
        google.client_secret,
        scope="openid email profile",
        redirect_uri="http://localhost:8501/oauth2callback",
        code_challenge_method="S256",
    ) as session:
        url, _ = session.create_authorization_url(
            about["authorization_endpoint"], nonce="a-nonce", code_verifier=VERIFIER
        )
        token = session.fetch_token(
            about["token_endpoint"],
            authorization_response=google.consent(url, BOB),
            code_verifier=VERIFIER,
        )
    claims = jwt.decode(token["id_token"], keys, algorithms=["RS256"]).claims
    assert (claims["email"], claims["nonce"]) == (BOB, "a-nonce")

"""Plain HTTP calls to the sandbox, as any client makes them."""

import base64
import hashlib
import json
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import urllib3

from mailcore.sandbox import GoogleSandbox

ANN, BOB = "ann@example.com", "bob@example.com"
SCOPES = (
    "openid https://www.googleapis.com/auth/userinfo.email "
    "https://www.googleapis.com/auth/gmail.send"
)
REDIRECT = "http://localhost:8501/senders/callback"
VERIFIER = "v" * 64


class Caller:
    """A plain HTTP client that never repeats and never follows."""

    def __init__(self, google: GoogleSandbox, http: urllib3.PoolManager) -> None:
        self.google = google
        self.http = http

    def request(self, method: str, path: str, **options: Any) -> urllib3.BaseHTTPResponse:
        url = path if "://" in path else self.google.url + path
        return self.http.request(method, url, redirect=False, **options)

    def authorization_url(self, **changes: str | None) -> str:
        digest = hashlib.sha256(VERIFIER.encode()).digest()
        query = {
            "client_id": self.google.client_id,
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": SCOPES,
            "state": "a-state",
            "access_type": "offline",
            "prompt": "consent",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        } | changes
        kept = {name: value for name, value in query.items() if value is not None}
        return f"{self.google.auth_uri}?{urlencode(kept)}"

    def code(self, account: str = ANN, **changes: str | None) -> str:
        back = self.google.consent(self.authorization_url(**changes), account)
        return query_of(back)["code"]

    def token(self, **form: str) -> tuple[int, dict[str, Any]]:
        """Ask the token endpoint, with the client's credentials in the body."""
        credentials = {
            "client_id": self.google.client_id,
            "client_secret": self.google.client_secret,
        }
        return self.token_bare(credentials | form, {})

    def token_bare(
        self, form: dict[str, str], headers: dict[str, str]
    ) -> tuple[int, dict[str, Any]]:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self.request("POST", "/token", body=urlencode(form), headers=kind | headers)
        return answer.status, answer.json()

    def exchange(self, code: str, /, **changes: str) -> tuple[int, dict[str, Any]]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        }
        return self.token(**(form | changes))

    def refresh(self, refresh_token: str) -> tuple[int, dict[str, Any]]:
        return self.token(grant_type="refresh_token", refresh_token=refresh_token)

    def send(
        self, access_token: str, raw: bytes | None = None, **more: str
    ) -> urllib3.BaseHTTPResponse:
        encoded = base64.urlsafe_b64encode(mail() if raw is None else raw).decode()
        return self.request(
            "POST",
            "/gmail/v1/users/me/messages/send",
            body=json.dumps({"raw": encoded, **more}),
            headers={"Authorization": f"Bearer {access_token}"},
        )


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def mail(subject: str = "Disk is full", **headers: str) -> bytes:
    message = EmailMessage()
    for name, value in ({"To": "ops@example.org", "Subject": subject} | headers).items():
        message[name] = value
    message.set_content("It is.")
    return message.as_bytes()

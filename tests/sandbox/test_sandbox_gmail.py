"""Sending through the sandbox, with Google's own client and without."""

import base64
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httplib2
import pytest
from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import DISCOVERY_DOC_DIR
from googleapiclient.http import MediaIoBaseUpload

from mailcore.sandbox import GoogleSandbox
from tests.sandbox.sandbox_calling import ANN, BOB, Caller, mail


class _Bearer(httplib2.Http):  # type: ignore[misc]  # httplib2 has no types
    """httplib2 with an Authorization header."""

    token = ""

    def request(self, uri: str, *args: Any, **kwargs: Any) -> Any:
        kwargs["headers"] = {**(kwargs.get("headers") or {}), "authorization": self.token}
        return super().request(uri, *args, **kwargs)


@pytest.fixture
def messages(google: GoogleSandbox) -> Iterator[Any]:
    """Googleapiclient's own ``users().messages()``, pointed at the sandbox."""
    document = json.loads(Path(DISCOVERY_DOC_DIR, "gmail.v1.json").read_text())
    document["rootUrl"] = google.url + "/"
    http = _Bearer(timeout=10)
    http.token = f"Bearer {google.issue_grant(ANN)['access_token']}"
    yield build_from_document(document, http=http).users().messages()
    http.close()


def test_googles_client_sends_json(google: GoogleSandbox, messages: Any) -> None:
    """The message in the outbox is, byte for byte, the one that was posted."""
    raw = mail(Cc="Zoë <zoe@example.org>")
    answer = messages.send(
        userId="me", body={"raw": base64.urlsafe_b64encode(raw).decode()}
    ).execute()
    [sent] = google.outbox
    assert answer == {"id": sent.gmail_id, "threadId": sent.thread_id, "labelIds": ["SENT"]}
    assert sent.raw == raw
    assert sent.account == ANN
    assert sent.subject == "Disk is full"
    assert sent.recipients == ["ops@example.org", "zoe@example.org"]
    assert sent.email.get_content() == "It is.\n"


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("in_thread", [False, True])
def test_googles_client_uploads(
    google: GoogleSandbox, messages: Any, in_thread: bool, line_end: bytes
) -> None:
    """Media and multipart uploads arrive unchanged, and join their thread."""
    raw = mail().replace(b"\n", line_end)
    body = {}
    if in_thread:
        messages.send(userId="me", media_body=_media(mail())).execute()
        body = {"threadId": google.outbox[0].thread_id}
    answer = messages.send(userId="me", body=body, media_body=_media(raw)).execute()
    sent = google.outbox[-1]
    assert answer["id"] == sent.gmail_id
    assert sent.raw == raw
    assert sent.thread_id == (body["threadId"] if in_thread else sent.gmail_id)


def _media(raw: bytes) -> MediaIoBaseUpload:
    return MediaIoBaseUpload(BytesIO(raw), mimetype="message/rfc822")


def test_the_token_decides_whose_mailbox_it_is(google: GoogleSandbox, caller: Caller) -> None:
    """Each account's mail goes out in its own name."""
    caller.send(google.issue_grant(BOB)["access_token"])
    assert [sent.account for sent in google.outbox] == [BOB]


def test_a_missing_or_unknown_token_is_refused(caller: Caller) -> None:
    """Without a good token there is a 401, in Gmail's words."""
    answer = caller.send("ya29.made-up")
    assert answer.status == 401
    assert answer.json()["error"]["errors"][0]["reason"] == "authError"
    assert caller.google.outbox == []
    assert caller.google.requests.sends() == 1


def test_expired_access_tokens_are_refused_and_can_be_refreshed(caller: Caller) -> None:
    """The send fails with 401 until the token was refreshed."""
    tokens = caller.google.issue_grant(ANN)
    caller.google.expire_access_tokens(ANN)
    assert caller.send(tokens["access_token"]).status == 401
    _, fresh = caller.refresh(tokens["refresh_token"])
    assert caller.send(fresh["access_token"]).status == 200


@pytest.mark.parametrize("end", [GoogleSandbox.expire_grant, GoogleSandbox.revoke_grant])
def test_an_ended_grant_sends_nothing(caller: Caller, end: Any) -> None:
    """An expired or revoked grant's access tokens are worthless too; other accounts' are not."""
    ann = caller.google.issue_grant(ANN)["access_token"]
    bob = caller.google.issue_grant(BOB)["access_token"]
    end(caller.google, ANN)
    assert caller.send(ann).status == 401
    assert caller.send(bob).status == 200
    again = caller.google.issue_grant(ANN)["access_token"]
    assert caller.send(again).status == 200


def test_a_token_without_the_permission_is_refused(caller: Caller) -> None:
    """Who unticked sending gets 403 insufficientPermissions."""
    token = caller.google.issue_grant(ANN, ["openid", "email"])["access_token"]
    answer = caller.send(token)
    assert answer.status == 403
    assert answer.json()["error"]["errors"][0]["reason"] == "insufficientPermissions"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"Subject: nobody\r\n\r\nHello", "Recipient address required"),
        (b"To: not an address\r\n\r\nHello", "Invalid To header"),
        (b"To: a@example.org\r\nTo: b@example.org\r\n\r\nHello", "Duplicate To header"),
        (b"To: a@example.org\r\nFrom: nobody\r\n\r\nHello", "Invalid From header"),
        (b"", "RFC822 payload"),
        (
            b"To: a@example.org\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\nHello",
            "Invalid MIME structure",
        ),
    ],
)
def test_a_mail_that_gmail_cannot_use_is_refused(caller: Caller, raw: bytes, words: str) -> None:
    """A 400 invalidArgument says what is wrong with it, and nothing is sent."""
    answer = caller.send(caller.google.issue_grant(ANN)["access_token"], raw)
    assert answer.status == 400
    error = answer.json()["error"]
    assert words in error["message"]
    assert error["errors"][0]["reason"] == "invalidArgument"
    assert caller.google.outbox == []


def test_text_that_is_no_base64_is_refused(caller: Caller) -> None:
    """Garbage in the JSON is a 400, not a crash."""
    token = caller.google.issue_grant(ANN)["access_token"]
    for body in (b'{"raw": "***"}', b'{"raw": 3}', b"[]", b"{", b""):
        answer = caller.request(
            "POST",
            "/gmail/v1/users/me/messages/send",
            body=body,
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status == 400


def test_an_unknown_thread_is_refused(caller: Caller) -> None:
    """A reply joins a thread of the same mailbox, and no other's."""
    ann = caller.google.issue_grant(ANN)["access_token"]
    bob = caller.google.issue_grant(BOB)["access_token"]
    thread = caller.send(ann).json()["threadId"]
    assert caller.send(ann, threadId=thread).json()["threadId"] == thread
    assert caller.send(bob, threadId=thread).status == 404

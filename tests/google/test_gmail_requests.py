"""The request that sends a message is the one that Google's own client builds."""

import json
from io import BytesIO
from typing import Any

import pytest
from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import get_static_doc
from googleapiclient.http import MediaIoBaseUpload

from mailcore.google.gmail_requests import UPLOAD_ABOVE, GmailRequests

ENDPOINT = "https://gmail.example.com/"
LARGE = b"x" * (UPLOAD_ABOVE + 1)


class NoHttp:
    def request(self, *_: object, **__: object) -> None:
        raise NotImplementedError


@pytest.fixture(scope="module")
def googles() -> Any:
    document = json.loads(get_static_doc("gmail", "v1"))
    document["rootUrl"] = document["mtlsRootUrl"] = ENDPOINT
    return build_from_document(document, http=NoHttp()).users().messages()


@pytest.mark.parametrize("thread_id", [None, "18f3a0b1c2d3e4f5"])
def test_a_small_message(googles: Any, thread_id: str | None) -> None:
    """The same address, headers and JSON."""
    ours = GmailRequests(ENDPOINT).send(b"From: a@example.com\r\n\r\n\xfb\xff", thread_id)
    thread = {"threadId": thread_id} if thread_id else {}
    raw = "RnJvbTogYUBleGFtcGxlLmNvbQ0KDQr7_w=="
    theirs = googles.send(userId="me", body={**thread, "raw": raw})
    assert ours.uri == theirs.uri
    assert json.loads(str(ours.body)) == json.loads(theirs.body)
    assert ours.headers("t")["content-type"] == theirs.headers["content-type"]
    assert ours.headers("t")["accept"] == theirs.headers["accept"]


@pytest.mark.parametrize("thread_id", [None, "18f3a0b1c2d3e4f5"])
def test_a_large_message(googles: Any, thread_id: str | None) -> None:
    """The upload endpoint, and the kind of upload that there is to be."""
    ours = GmailRequests(ENDPOINT.rstrip("/")).send(LARGE, thread_id)
    media = MediaIoBaseUpload(BytesIO(LARGE), mimetype="message/rfc822")
    body = {"threadId": thread_id} if thread_id else None
    theirs = googles.send(userId="me", body=body, media_body=media)
    assert ours.uri == theirs.uri
    kind = ours.headers("t")["content-type"].partition(";")[0]
    assert kind == theirs.headers["content-type"].partition(";")[0]
    assert isinstance(ours.body, bytes)
    assert LARGE in ours.body

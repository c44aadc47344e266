"""Drafts in the sandbox, with Google's own client: as Gmail's guide says."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import DISCOVERY_DOC_DIR
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseUpload

from mailcore.sandbox import GoogleSandbox
from tests.sandbox.sandbox_calling import ANN, BOB, mail
from tests.sandbox.test_sandbox_gmail import _Bearer


@pytest.fixture
def drafts_of(google: GoogleSandbox) -> Iterator[Callable[..., Any]]:
    """Googleapiclient's own ``users().drafts()`` of an account, pointed at the sandbox."""
    document = json.loads(Path(DISCOVERY_DOC_DIR, "gmail.v1.json").read_text())
    document["rootUrl"] = google.url + "/"
    with ExitStack() as stack:

        def drafts(account: str, scope: str) -> Any:
            http = stack.enter_context(closing(_Bearer(timeout=10)))
            http.token = f"Bearer {google.issue_grant(account, [scope])['access_token']}"
            return build_from_document(document, http=http).users().drafts()

        yield drafts


@pytest.fixture
def drafts(drafts_of: Callable[..., Any]) -> Any:
    """Those of Ann."""
    return drafts_of(ANN, "gmail.compose")


def create(drafts: Any, raw: bytes) -> str:
    body = {"message": {"raw": base64.urlsafe_b64encode(raw).decode()}}
    return str(drafts.create(userId="me", body=body).execute()["id"])


def status(call: Any) -> int:
    with pytest.raises(HttpError) as refused:
        call.execute()
    return int(refused.value.resp.status)


def test_a_draft_keeps_its_id_and_is_gone_once_it_is_sent(
    google: GoogleSandbox, drafts: Any
) -> None:
    raw = mail()
    draft_id = create(drafts, raw)
    assert drafts.get(userId="me", id=draft_id).execute()["id"] == draft_id
    assert not google.outbox
    sent = drafts.send(userId="me", body={"id": draft_id}).execute()
    [message] = google.outbox
    assert (sent["id"], sent["labelIds"], message.raw) == (message.gmail_id, ["SENT"], raw)
    assert status(drafts.get(userId="me", id=draft_id)) == 404
    assert status(drafts.send(userId="me", body={"id": draft_id})) == 404
    assert len(google.outbox) == 1


def test_uploaded_found_and_deleted(google: GoogleSandbox, drafts: Any) -> None:
    raw = mail(**{"Message-ID": "<1@example.com>"})
    media = MediaIoBaseUpload(BytesIO(raw), mimetype="message/rfc822")
    created = drafts.create(userId="me", body={"message": {}}, media_body=media).execute()
    create(drafts, mail(**{"Message-ID": "<2@example.com>"}))
    found = drafts.list(userId="me", q="rfc822msgid:1@example.com").execute()
    assert [each["id"] for each in found["drafts"]] == [created["id"]]
    assert drafts.delete(userId="me", id=created["id"]).execute() == ""
    assert status(drafts.delete(userId="me", id=created["id"])) == 404
    assert "drafts" not in drafts.list(userId="me", q="rfc822msgid:1@example.com").execute()
    assert len(google.drafts) == 1


def test_who_may_only_send_or_has_another_mailbox_is_refused(
    drafts: Any, drafts_of: Callable[..., Any]
) -> None:
    draft_id = create(drafts, mail())
    assert status(drafts_of(ANN, "gmail.send").get(userId="me", id=draft_id)) == 403
    assert status(drafts_of(BOB, "gmail.compose").get(userId="me", id=draft_id)) == 404

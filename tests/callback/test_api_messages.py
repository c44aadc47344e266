"""Sending over HTTP: queued or at once, once for each key, and what became of it."""

import base64
import json
import socket
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient

from callback import create_app
from callback.streamed_json import BODY_LIMIT
from mailcore import Mailcore, Settings
from mailcore.sandbox import GoogleSandbox, faults
from tests.callback.browsing import API_KEY, KEYS, served
from tests.support.authorise import ACCOUNT, authorise
from tests.support.queueing import drain

MESSAGE: dict[str, Any] = {
    "to": "Ann <ann@example.com>",
    "subject": "Disk is full",
    "text": "94 %",
}
PATH = "/senders/alerts/messages"
SENDER_KEY, OTHER_KEY, READER = "s" * 40, "o" * 40, "r" * 40
LIMITED = Settings(
    api_keys=f"app/send/alerts:{SENDER_KEY},other/send+read/billing-*:{OTHER_KEY},"
    f"reader/read:{READER}"
).api_keys


@pytest.fixture
def sending(api: TestClient, google: GoogleSandbox, authorised: str) -> Any:
    """A program, and Google, with a sender that is healthy."""
    return api, google


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_a_message_is_queued(api: TestClient, core: Mailcore, authorised: str) -> None:
    """The answer is the delivery, at an address of its own; a worker sends it."""
    answer = api.post(PATH, json=MESSAGE)

    assert answer.status_code == 202
    delivery = answer.json()
    assert (delivery["status"], delivery["recipients"]) == ("queued", ["ann@example.com"])
    assert api.get(answer.headers["location"]).json() == delivery
    drain(core, authorised)
    assert api.get(answer.headers["location"]).json()["status"] == "sent"


def test_a_message_is_sent_at_once(api: TestClient, google: GoogleSandbox, authorised: str) -> None:
    """Everything that send_email takes goes in."""
    logo = b"\x89PNG\r\n\x1a\n logo"
    answer = api.post(
        f"{PATH}?wait=30",
        json={
            "to": ["Ann <ann@example.com>", "bob@example.com"],
            "cc": "cc@example.com",
            "bcc": ["bcc@example.com"],
            "reply_to": "help@example.com",
            "subject": "Zahlen für März",
            "text": "plain",
            "html": '<img src="cid:logo">',
            "from_name": "Reports",
            "headers": {"X-Job": "7"},
            "in_reply_to": "<a@example.com>",
            "references": ["<a@example.com>"],
            "attachments": [
                {
                    "filename": "März.csv",
                    "content": base64_of(b"a;b\r\n"),
                    "content_type": "text/csv",
                }
            ],
            "inline": {"logo": {"filename": "logo.png", "content": base64_of(logo)}},
        },
    )

    assert answer.status_code == 200
    assert answer.json()["status"] == "sent"
    [message] = google.outbox
    assert set(message.recipients) == {
        *("ann@example.com", "bob@example.com", "cc@example.com", "bcc@example.com")
    }
    email = message.email
    assert email["From"] == f"Reports <{ACCOUNT}>"
    assert (email["X-Job"], email["In-Reply-To"]) == ("7", "<a@example.com>")
    parts = {part.get_content_type(): part for part in email.walk()}
    assert parts["text/csv"].get_content() == "a;b\r\n"
    assert parts["image/png"].get_content() == logo
    assert parts["text/csv"].get_filename() == "März.csv"


def test_a_key_sends_once(api: TestClient, google: GoogleSandbox, authorised: str) -> None:
    """A client that retries gets the first delivery; another key is another message."""
    headers = {"Idempotency-Key": "disk-1"}
    first, again = (api.post(f"{PATH}?wait=30", json=MESSAGE, headers=headers) for _ in range(2))
    queued = api.post(PATH, json=MESSAGE, headers=headers)
    other = api.post(f"{PATH}?wait=30", json=MESSAGE, headers={"Idempotency-Key": "disk-2"})

    assert first.json()["id"] == again.json()["id"] == queued.json()["id"]
    assert queued.json()["status"] == "sent"
    assert other.json()["id"] != first.json()["id"]
    assert len(google.outbox) == 2


@pytest.mark.parametrize(
    ("fault", "status", "code", "row"),
    [
        (faults.INSUFFICIENT_PERMISSIONS, 409, "reauth_required", "failed"),
        (faults.MAIL_SERVICE_NOT_ENABLED, 409, "sender_blocked", "failed"),
        (faults.INVALID_ARGUMENT, 422, "message_rejected", "failed"),
        (faults.CLOSE_AFTER, 409, "outcome_unknown", "unknown"),
    ],
)
def test_a_problem_names_the_outcome(
    sending: tuple[TestClient, GoogleSandbox], fault: Any, status: int, code: str, row: str
) -> None:
    """And the delivery. What may have been sent is no error that programs try again."""
    api, google = sending
    google.fail("send", fault)
    answer = api.post(f"{PATH}?wait=5", json=MESSAGE)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert problem["remedy"]
    delivery = api.get(f"/deliveries/{problem['delivery_id']}").json()
    assert (delivery["status"], delivery["error_code"]) == (row, code)


def test_it_may_rather_come_twice(api: TestClient, google: GoogleSandbox, authorised: str) -> None:
    """If the program says so."""
    google.fail("send", faults.CLOSE_AFTER)
    answer = api.post(f"{PATH}?wait=20", json={**MESSAGE, "if_unknown": "resend"})
    assert (answer.status_code, answer.json()["status"]) == (200, "sent")
    assert len(google.outbox) == 2


def test_an_unknown_outcome_is_settled(
    api: TestClient, google: GoogleSandbox, authorised: str
) -> None:
    """It arrived; or it is sent again, or not."""
    for action, becomes in (("arrived", "sent"), ("retry", "queued"), ("discard", "discarded")):
        google.fail("send", faults.CLOSE_AFTER)
        delivery_id = api.post(f"{PATH}?wait=5", json=MESSAGE).json()["delivery_id"]
        google.heal()
        settled = api.post(f"/deliveries/{delivery_id}/{action}")
        assert (settled.status_code, settled.json()["status"]) == (200, becomes)
        again = api.post(f"/deliveries/{delivery_id}/arrived")
        assert (again.status_code, again.json()["code"]) == (409, "delivery_not_settleable")


def test_a_queued_message_is_held_released_and_cancelled(api: TestClient, authorised: str) -> None:
    """Each answers with the delivery as it is then."""
    path = f"/deliveries/{api.post(PATH, json=MESSAGE).json()['id']}"
    assert api.post(f"{path}/hold").json()["status"] == "held"
    assert api.post(f"{path}/hold").status_code == 409
    assert api.post(f"{path}/release").json()["status"] == "queued"
    assert api.post(f"{path}/discard").json()["status"] == "discarded"
    assert api.post(f"{path}/retry").status_code == 409


def test_a_sender_is_paused_and_resumed(api: TestClient, authorised: str) -> None:
    """Its queue waits meanwhile."""
    assert api.post("/senders/alerts/pause").json()["paused_by"] == "api:ci"
    assert api.post(PATH, json=MESSAGE).json()["waits_for"] == "resume"
    assert api.post("/senders/alerts/resume").json()["paused_by"] is None
    assert api.post("/senders/nobody/pause").status_code == 404


def test_a_message_waits_for_its_time(api: TestClient, authorised: str) -> None:
    """Times have a zone; who waits for the answer cannot want it later."""
    at = datetime.now(UTC) + timedelta(hours=1)
    later = api.post(PATH, json={**MESSAGE, "send_at": at.isoformat()}).json()
    assert (later["waits_for"], datetime.fromisoformat(later["send_at"])) == ("time", at)
    for wrong in (
        api.post(PATH, json={**MESSAGE, "send_at": "2026-12-01T08:00:00"}),
        api.post(f"{PATH}?wait=5", json={**MESSAGE, "send_at": at.isoformat()}),
        api.post(PATH, json={**MESSAGE, "expires_at": "2020-01-01T00:00:00Z"}),
    ):
        assert wrong.status_code == 422
        assert wrong.json()["field"] in {"send_at", "expires_at"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"to": None}, "to"),
        ({"to": "nobody"}, "to"),
        ({"to": ["ann@example.com", 1]}, "to"),
        ({"subject": "a\nb"}, "subject"),
        ({"text": None}, "text"),
        ({"attachements": []}, "attachements"),
        ({"attachments": ["/etc/passwd"]}, "attachments"),
        ({"attachments": [{"filename": "a.txt", "content": "not Base64!"}]}, "attachments"),
        ({"attachments": [{"filename": "a.txt", "content": 7}]}, "attachments"),
        ({"attachments": [{"filename": "a.txt"}]}, "attachments"),
        ({"headers": {"Bcc": "eve@example.com"}}, "headers"),
        ({"if_unknown": "never"}, "if_unknown"),
    ],
)
def test_what_cannot_be_sent_is_refused_at_once(
    api: TestClient, core: Mailcore, authorised: str, change: dict[str, Any], field: str
) -> None:
    """With the member at fault; and nothing is recorded."""
    answer = api.post(PATH, json={**MESSAGE, **change})
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert not core.deliveries.listing()


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"", 400), (b"[]", 422), (b'{"to": "\xff"}', 400), (b"[" * 100_000, 400)],
)
def test_what_is_no_document_is_refused(
    api: TestClient, authorised: str, body: bytes, status: int
) -> None:
    """However deep it goes."""
    headers = {"Content-Type": "application/json"}
    assert api.post(PATH, content=body, headers=headers).status_code == status
    assert api.post(PATH, content=body, headers={"Content-Type": "text/csv"}).status_code == 415


def test_gmails_largest_message_goes_through(
    settings: Settings, core: Mailcore, google: GoogleSandbox
) -> None:
    """25 MB of files, over a real connection; more than the limit is not even read."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    authorise(core, google, "alerts", ACCOUNT)
    content = bytes(range(256)) * (25 * 4096)
    file = {"filename": "a.bin", "content": base64_of(content)}
    body = json.dumps({**MESSAGE, "attachments": [file]}).encode()
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    keyed = settings.model_copy(update={"api_keys": KEYS})
    with served(keyed) as serving:
        url = f"{serving.settings.public_url}{PATH}?wait=60"
        sent = httpx2.post(url, content=body, headers=headers, timeout=90)
        too_large = httpx2.post(url, content=b" " * (BODY_LIMIT + 1), headers=headers, timeout=90)
    assert sent.status_code == 200, sent.text
    [message] = google.outbox
    [part] = message.email.iter_attachments()
    assert part.get_content() == content
    assert (too_large.status_code, too_large.json()["code"]) == (413, "body_too_large")


def test_deliveries_are_listed_page_by_page(api: TestClient, authorised: str) -> None:
    """Newest first; what is queued meanwhile moves nothing."""
    ids = [api.post(PATH, json=MESSAGE).json()["id"] for _ in range(5)][::-1]
    first = api.get("/deliveries?limit=2").json()
    api.post(PATH, json={**MESSAGE, "subject": "Later"})
    second = api.get("/deliveries", params={"limit": 2, "cursor": first["next"]}).json()
    last = api.get("/deliveries", params={"limit": 2, "cursor": second["next"]}).json()
    listed = [each["id"] for page in (first, second, last) for each in page["deliveries"]]
    assert (listed, last["next"]) == (ids, None)
    found = api.get("/deliveries", params={"search": "later", "alias": "alerts"}).json()
    assert [each["subject"] for each in found["deliveries"]] == ["Later"]
    assert api.get("/deliveries?status=sent").json()["deliveries"] == []
    assert api.get("/deliveries?cursor=x").json()["field"] == "cursor"


@pytest.mark.usefixtures("authorised")
def test_a_limited_key_sends_and_sees_only_its_own(
    mailcore_with: Callable[..., Mailcore], core: Mailcore
) -> None:
    """Not even whether there is a delivery of another sender."""
    core.senders.register("billing-eu", by="t")
    api = TestClient(create_app(mailcore_with(api_keys=LIMITED)))

    def headers(key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {key}"}

    sent = api.post(PATH, json=MESSAGE, headers=headers(SENDER_KEY))
    assert sent.status_code == 202
    for key in (OTHER_KEY, READER):
        assert api.post(PATH, json=MESSAGE, headers=headers(key)).status_code == 403
    path = sent.headers["location"]
    assert api.get(path, headers=headers(READER)).status_code == 200
    hidden = api.get(path, headers=headers(OTHER_KEY))
    missing = api.get(
        f"/deliveries/{'0' * 8}-{'0' * 4}-{'0' * 4}-{'0' * 4}-{'0' * 12}",
        headers=headers(OTHER_KEY),
    )
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json()["code"] == missing.json()["code"]
    assert api.get("/deliveries", headers=headers(OTHER_KEY)).json()["deliveries"] == []
    assert len(api.get("/deliveries", headers=headers(READER)).json()["deliveries"]) == 1
    assert api.post(f"{path}/discard", headers=headers(READER)).status_code == 403
    assert api.get(path).status_code == 401


def test_large_messages_wait_for_room_and_small_ones_do_not(
    settings: Settings, core: Mailcore
) -> None:
    """Whoever trickles large bodies holds up nobody's small ones."""
    core.senders.register("alerts", by="t")
    keyed = settings.model_copy(update={"api_keys": KEYS})
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    with served(keyed) as serving, ExitStack() as lines:
        address = urlsplit(serving.settings.public_url)
        begun = (
            f"POST {PATH} HTTP/1.1\r\nHost: {address.netloc}\r\n"
            f"Authorization: Bearer {API_KEY}\r\nContent-Type: application/json\r\n"
            "Content-Length: 40000000\r\n\r\n{"
        ).encode()
        for _ in range(20):
            line = lines.enter_context(
                socket.create_connection((address.hostname or "", address.port or 0), timeout=30)
            )
            line.sendall(begun)
        for _ in range(3):
            url = f"{serving.settings.public_url}{PATH}"
            answer = httpx2.post(url, content=json.dumps(MESSAGE), headers=headers, timeout=20)
            assert answer.status_code == 202

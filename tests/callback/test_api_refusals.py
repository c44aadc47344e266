"""What a program is told that asks wrongly, or may not ask at all."""

from collections.abc import Callable

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from callback import create_app
from mailcore import ApiKey, Mailcore, digest_of
from tests.callback.browsing import API_KEY, KEYS

EVERYTHING = [
    ("GET", "/senders"),
    ("POST", "/senders"),
    ("GET", "/senders/alerts"),
    ("DELETE", "/senders/alerts"),
    ("POST", "/senders/alerts/auth"),
    ("PATCH", "/senders/alerts"),
    ("GET", "/senders/alerts/what/ever"),
]


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
def test_without_a_key_nothing_is_told(browser: TestClient, method: str, path: str) -> None:
    """401, and how to send one; not even whether the address exists."""
    answer = browser.request(method, path)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "unauthorized"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Basic {API_KEY}",
        API_KEY,
        f"Bearer {API_KEY}x",
        f"Bearer {API_KEY[:-1]}",
        f"Bearer {API_KEY.upper()}",
        "Bearer ci",
        "Bearer ünïcode",
    ],
)
def test_a_wrong_key_is_no_key(browser: TestClient, value: str) -> None:
    """Nor is half of one, or its label."""
    answer = browser.get("/senders", headers={b"Authorization": value.encode()})

    assert answer.status_code == 401
    assert API_KEY not in answer.text


def test_the_scheme_is_spelled_either_way(browser: TestClient) -> None:
    """RFC 7235: schemes are case-insensitive."""
    answer = browser.get("/senders", headers={"Authorization": f"bearer {API_KEY}"})

    assert answer.status_code == 200


def test_each_key_works_under_its_own_name(
    core: Mailcore, mailcore_with: Callable[..., Mailcore]
) -> None:
    """The audit trail tells two programs apart."""
    keys = {"ci": "one", "cron": "two"}
    known = {label: ApiKey(digest=digest_of(key)) for label, key in keys.items()}
    with TestClient(create_app(mailcore_with(api_keys=known))) as client:
        for label, key in keys.items():
            headers = {"Authorization": f"Bearer {key}"}
            client.post("/senders", json={"alias": label}, headers=headers)

    assert core.senders.events("ci")[0].who == "api:ci"
    assert core.senders.events("cron")[0].who == "api:cron"


def test_without_keys_the_api_is_closed(core: Mailcore) -> None:
    """A deployment that set none: 403, and which setting to set."""
    with TestClient(create_app(core), headers={"Authorization": "Bearer x"}) as client:
        answer = client.get("/senders")

    assert answer.status_code == 403
    assert "PALEMAIL_API_KEYS" in answer.json()["remedy"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 400, None),
        (b"{", 400, None),
        (b"\xff\xfe", 400, None),
        (b"[" * 50_000, 400, None),
        (b"1" * 5_000, 400, None),
        (b"[]", 422, None),
        (b'"alerts"', 422, None),
        (b"null", 422, None),
        (b"{}", 422, "alias"),
        (b'{"alias": null}', 422, "alias"),
        (b'{"alias": 7}', 422, "alias"),
        (b'{"alias": "UPPER"}', 422, "alias"),
        (b'{"alias": "a\\u0000"}', 422, "alias"),
        (b'{"alias": "a\\ud800"}', 422, "alias"),
        (b'{"alias": "a", "color": "red"}', 422, "color"),
        (b'{"alias": "a", "token_json": "{}"}', 422, "token_json"),
        (b'{"alias": "a", "gmail_account": "nobody"}', 422, "gmail_account"),
        (b'{"alias": "a", "gmail_account": "a@example.com\\u0000"}', 422, "gmail_account"),
        (b'{"alias": "a", "display_name": ["x"]}', 422, "display_name"),
        (b'{"alias": "a", "display_name": "x\\r\\nBcc: y@example.com"}', 422, "display_name"),
        (b'{"alias": "a", "project": {"x": 1}}', 422, "project"),
        (b'{"alias": "a", "project": "\\ud83d"}', 422, "project"),
        (b'{"alias": "a", "credentials_json": {}}', 422, "credentials_json"),
        (b'{"alias": "a", "credentials_json": "{}"}', 422, "credentials_json"),
        (b'{"alias": "a", "credentials_json": "hello"}', 422, "credentials_json"),
    ],
)
def test_a_body_that_is_no_sender(
    api: TestClient, body: bytes, status: int, field: str | None
) -> None:
    """The problem names the member at fault, and nothing is stored."""
    answer = api.post("/senders", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().get("field") == field
    assert api.get("/senders").json()["total"] == 0


def test_a_body_that_is_too_long(api: TestClient) -> None:
    """It is refused as soon as it is known to be; the server doesn't swallow it."""
    answer = api.post("/senders", json={"alias": "a", "project": "x" * 1_000_001})

    assert answer.status_code == 413
    assert answer.json()["code"] == "body_too_large"


def test_a_form_is_not_json(api: TestClient) -> None:
    """What curl sends with a bare -d: the problem says which header is missing."""
    answer = api.post("/senders", data={"alias": "alerts"})

    assert answer.status_code == 415
    assert "Content-Type: application/json" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=+5", "limit"),
        ("limit=%D9%A5", "limit"),
        ("offset=-1", "offset"),
        ("offset=1.5", "offset"),
        ("offset=99999999999999999999", "offset"),
        ("status=green", "status"),
        ("status=", "status"),
        ("search=%00", "search"),
        ("stauts=expired", "stauts"),
    ],
)
def test_a_query_with_a_bad_value(api: TestClient, query: str, field: str) -> None:
    """The problem names the parameter."""
    answer = api.get(f"/senders?{query}")

    assert answer.status_code == 422
    assert answer.json()["field"] == field


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("limit=201", "limit must be at most 200."),
        ("limit=ten", "limit must be a whole number."),
        (
            "status=green",
            "status must be one of pending, healthy, expired, blocked, expiring, due.",
        ),
        ("search=%00", "search must not contain a NUL character."),
    ],
)
def test_a_bad_value_is_explained_in_our_words(api: TestClient, query: str, detail: str) -> None:
    """The problem says what would be right, and no library's name for it."""
    assert api.get(f"/senders?{query}").json()["detail"] == detail


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/senders", "GET, POST"),
        ("PATCH", "/senders/alerts", "GET, DELETE"),
        ("GET", "/senders/alerts/auth", "POST"),
        ("POST", "/healthz", "GET"),
    ],
)
def test_a_method_that_an_address_does_not_take(
    api: TestClient, method: str, path: str, allowed: str
) -> None:
    """405, with those that it does."""
    answer = api.request(method, path)

    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/", "/nothing", "/senders/a/b/c", "/senders/"])
def test_an_address_that_leads_nowhere(api: TestClient, path: str) -> None:
    """404 as a problem, not as a page."""
    answer = api.get(path)

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_an_unforeseen_fault_tells_nothing(
    caplog: pytest.LogCaptureFixture,
    empty_database_url: str,
    mailcore_with: Callable[..., Mailcore],
) -> None:
    """Tables that are missing: 5xx without SQL, and the log has the rest."""
    bare = mailcore_with(database_url=SecretStr(empty_database_url), api_keys=KEYS)
    with TestClient(create_app(bare), headers={"Authorization": f"Bearer {API_KEY}"}) as client:
        answer = client.get("/senders")
        page = client.get("/senders/callback?state=x")

    assert answer.status_code >= 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert page.status_code >= 500
    for text in (answer.text, page.text):
        assert "SELECT" not in text
        assert "psycopg" not in text

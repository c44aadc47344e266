"""What a limited key may do, and what a wrong one costs whom."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from starlette.testclient import TestClient

from callback import create_app
from callback.api_keys import MAX_PAUSED, REFUSAL_PAUSE
from mailcore import Mailcore, Settings
from tests.callback.browsing import API_KEY, KEYS, served

READER = "r" * 40
BILLING = "b" * 40
LIMITED = Settings(api_keys=f"reader/read:{READER},billing/admin/billing-*:{BILLING}").api_keys


@pytest.fixture
def app(mailcore_with: Callable[..., Mailcore], core: Mailcore) -> TestClient:
    for alias in ("alerts", "billing-eu", "billing-us"):
        core.senders.register(alias, by="t")
    return TestClient(create_app(mailcore_with(api_keys=LIMITED)))


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_a_key_that_may_read_changes_nothing(app: TestClient) -> None:
    """It sees every sender; the rest is refused, with the scope that is missing."""
    headers = bearer(READER)

    assert app.get("/senders", headers=headers).json()["total"] == 3
    assert app.get("/senders/alerts", headers=headers).status_code == 200
    for refused in (
        app.post("/senders", json={"alias": "new"}, headers=headers),
        app.delete("/senders/alerts", headers=headers),
        app.post("/senders/alerts/auth", headers=headers),
    ):
        assert refused.status_code == 403
        assert refused.json()["code"] == "insufficient_scope"
        assert 'scope="admin"' in refused.headers["www-authenticate"]
    assert app.get("/senders", headers=headers).json()["total"] == 3


def test_a_key_for_some_senders_knows_no_others(app: TestClient) -> None:
    """Not whether they exist, not how many there are; nor can it make one."""
    headers = bearer(BILLING)

    listed = app.get("/senders?limit=1&offset=1", headers=headers).json()
    assert [sender["alias"] for sender in listed["senders"]] == ["billing-us"]
    assert listed["total"] == 2
    assert app.get("/senders/billing-eu", headers=headers).status_code == 200
    assert app.post("/senders", json={"alias": "billing-uk"}, headers=headers).status_code == 201
    existing = app.get("/senders/alerts", headers=headers)
    missing = app.get("/senders/nobody", headers=headers)
    assert existing.status_code == missing.status_code == 403
    assert existing.json() == missing.json()
    assert app.delete("/senders/alerts", headers=headers).status_code == 403
    assert app.post("/senders", json={"alias": "ops"}, headers=headers).status_code == 403


def test_guesses_are_slow_and_logged_and_lock_nobody_out(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Many wrong keys wait; a right one is answered meanwhile; no key is in the log."""
    guesses = MAX_PAUSED // 5
    with (
        caplog.at_level(logging.WARNING, "callback.api_keys"),
        served(settings.model_copy(update={"api_keys": KEYS})) as core,
        ThreadPoolExecutor(guesses) as pool,
    ):
        address = f"{core.settings.public_url}/senders"

        def guess(number: int) -> tuple[int, float]:
            began = time.monotonic()
            status = httpx2.get(address, headers=bearer(f"guess-{number}")).status_code
            return status, time.monotonic() - began

        waiting = [pool.submit(guess, number) for number in range(guesses)]
        right = httpx2.get(address, headers=bearer(API_KEY))
        answers = [guessed.result() for guessed in waiting]

    assert right.status_code == 200
    assert all(status == 401 and took >= REFUSAL_PAUSE for status, took in answers)
    assert f"({guesses} since the start)" in caplog.text
    assert "guess-" not in caplog.text
    assert API_KEY not in caplog.text


def test_an_address_that_a_proxy_passes_on_writes_nothing_else_into_the_log(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Behind a proxy on this machine, the header is the client's own to fill."""
    with (
        caplog.at_level(logging.WARNING, "callback.api_keys"),
        served(settings.model_copy(update={"api_keys": KEYS})) as core,
    ):
        for sent in ("192.0.2.7", "2001:db8::7", "\x1b[2J192.0.2.8"):
            headers = {**bearer("guess"), "X-Forwarded-For": sent}
            httpx2.get(f"{core.settings.public_url}/senders", headers=headers)

    first, second, third = (record.getMessage() for record in caplog.records)
    assert "from 192.0.2.7 " in first
    assert "from 2001:db8::7 " in second
    assert "from an unknown address " in third

"""``GET /metrics``, as Prometheus asks for it."""

from collections.abc import Callable

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from callback import create_app
from mailcore import Mailcore, Settings
from tests.support.scraping import scraped

SCRAPER, READER, ADMIN, BILLING = (letter * 40 for letter in "sraj")
LIMITED = Settings(
    api_keys=f"prometheus/metrics:{SCRAPER},reader/read+send:{READER},ci:{ADMIN},"
    f"billing/metrics/billing-*:{BILLING}"
).api_keys


@pytest.fixture
def app(mailcore_with: Callable[..., Mailcore]) -> TestClient:
    return TestClient(create_app(mailcore_with(api_keys=LIMITED)))


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("key", [SCRAPER, ADMIN], ids=["metrics", "admin"])
def test_prometheus_reads_it(app: TestClient, authorised: str, key: str) -> None:
    """With a key for metrics alone, or one that may do everything."""
    answer = app.get("/metrics", headers=bearer(key))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    look = scraped(answer.text)
    assert look("sender_status", alias="alerts", project="", status="healthy") == 1


def test_nobody_else_does(app: TestClient, authorised: str) -> None:
    """It names every sender and project."""
    assert app.get("/metrics").status_code == 401
    assert app.get("/metrics", headers=bearer("x" * 40)).status_code == 401
    refused = app.get("/metrics", headers=bearer(READER))
    assert refused.status_code == 403
    assert 'scope="metrics"' in refused.headers["www-authenticate"]
    for_some = app.get("/metrics", headers=bearer(BILLING))
    assert for_some.status_code == 403
    assert "alerts" not in for_some.text
    assert app.get("/senders", headers=bearer(SCRAPER)).status_code == 403


def test_its_address_is_exact(app: TestClient) -> None:
    """No redirect to a Host that the client names."""
    answer = app.get("/metrics/", headers=bearer(SCRAPER), follow_redirects=False)
    assert answer.status_code == 404
    assert app.post("/metrics", headers=bearer(SCRAPER)).status_code == 405


def test_a_database_that_is_away_is_said_without_its_name(
    mailcore_with: Callable[..., Mailcore],
) -> None:
    """Prometheus sees the scrape fail; whoever reads the answer learns nothing of the inside."""
    url = SecretStr("postgresql://nobody:secret@127.0.0.1:9/none")
    with TestClient(create_app(mailcore_with(database_url=url, api_keys=LIMITED))) as client:
        answer = client.get("/metrics", headers=bearer(SCRAPER))
    assert answer.status_code == 503
    assert answer.json()["code"] == "database_unavailable"
    assert all(text not in answer.text for text in ("secret", "nobody", "127.0.0.1"))


def test_a_deployment_without_keys_shows_nothing(
    mailcore_with: Callable[..., Mailcore],
) -> None:
    """Its API is closed, and this is part of it."""
    with TestClient(create_app(mailcore_with(api_keys={}))) as client:
        assert client.get("/metrics").status_code == 403

"""What watches the process can ask without a key."""

from collections.abc import Callable

from pydantic import SecretStr
from starlette.testclient import TestClient

from callback import create_app
from mailcore import Mailcore


def test_alive_and_ready(browser: TestClient) -> None:
    """A migrated database that answers."""
    for path in ("/healthz", "/readyz"):
        answer = browser.get(path)
        assert answer.status_code == 200
        assert answer.json() == {"status": "ok"}


def test_a_database_that_is_down_is_not_ready_but_alive(
    mailcore_with: Callable[..., Mailcore],
) -> None:
    """Nothing restarts the process for it, and nothing sends it traffic."""
    core = mailcore_with(database_url=SecretStr("postgresql://nobody:secret@127.0.0.1:9/none"))
    with TestClient(create_app(core)) as client:
        alive, ready = client.get("/healthz"), client.get("/readyz")

    assert alive.status_code == 200
    assert ready.status_code == 503
    assert ready.json()["code"] == "database_unavailable"
    assert all(text not in ready.text for text in ("secret", "nobody", "127.0.0.1"))


def test_a_database_without_tables_is_not_ready(
    empty_database_url: str, mailcore_with: Callable[..., Mailcore]
) -> None:
    """The problem says what to run."""
    core = mailcore_with(database_url=SecretStr(empty_database_url))
    with TestClient(create_app(core)) as client:
        answer = client.get("/readyz")

    assert answer.status_code == 503
    assert "pal-e-mail migrate" in answer.json()["detail"]

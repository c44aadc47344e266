"""What a program can do with the senders."""

from collections.abc import Callable
from datetime import datetime

import pytest
from starlette.testclient import TestClient

from callback import create_app
from mailcore import Mailcore, SenderStatus
from mailcore.sandbox import GoogleSandbox
from tests.callback.browsing import API_KEY, KEYS
from tests.support.authorise import ACCOUNT


def test_the_registered_senders_are_listed(api: TestClient, core: Mailcore) -> None:
    """Each with its account, its project and how it is."""
    core.senders.register("alerts", gmail_account=ACCOUNT, project="ops", by="t")
    core.senders.register("billing", by="t")

    answer = api.get("/senders")

    assert answer.status_code == 200
    assert answer.json()["total"] == 2
    first, second = answer.json()["senders"]
    assert (first["alias"], second["alias"]) in {("alerts", "billing"), ("billing", "alerts")}
    alerts = next(sender for sender in (first, second) if sender["alias"] == "alerts")
    assert alerts["gmail_account"] == ACCOUNT
    assert alerts["project"] == "ops"
    assert alerts["status"] == "pending"
    assert datetime.fromisoformat(alerts["created_at"]).tzinfo is not None


def test_no_senders_yet(api: TestClient) -> None:
    """An empty list, no error."""
    assert api.get("/senders").json() == {"senders": [], "total": 0}


def test_the_list_can_be_searched_filtered_and_paged(
    api: TestClient, core: Mailcore, authorised: str
) -> None:
    """The total counts all that match, however few are shown."""
    for number in range(5):
        core.senders.register(f"job-{number}", project="nightly", by="t")

    def aliases(query: str) -> tuple[list[str], int]:
        document = api.get(f"/senders?{query}").json()
        return [sender["alias"] for sender in document["senders"]], document["total"]

    assert aliases("search=job-3") == (["job-3"], 1)
    assert aliases("status=healthy") == ([authorised], 1)
    assert aliases("status=pending&limit=2&offset=4") == (["job-4"], 5)
    assert aliases("status=due") == ([], 0)
    assert aliases("search=nightly&limit=2")[1] == 5


def test_a_sender_is_registered(api: TestClient, core: Mailcore) -> None:
    """It is pending, has an address, and the trail names the key that made it."""
    wanted = {"alias": "alerts", "gmail_account": ACCOUNT, "display_name": "Ops", "project": "x"}

    answer = api.post("/senders", json=wanted)

    assert answer.status_code == 201
    assert wanted.items() <= answer.json().items()
    assert answer.json()["status"] == "pending"
    assert api.get(answer.headers["location"]).json() == answer.json()
    assert core.senders.events("alerts")[0].who == "api:ci"


def test_an_alias_alone_will_do(api: TestClient) -> None:
    """Null is as good as leaving it out."""
    answer = api.post("/senders", json={"alias": "alerts", "project": None})

    assert answer.status_code == 201
    assert answer.json()["gmail_account"] is None


def test_a_senders_own_client_goes_in_and_never_comes_out(
    api: TestClient, google: GoogleSandbox
) -> None:
    """The answer says that there is one; its secret is in no answer."""
    client = google.register_client()
    members = {"alias": "alerts", "credentials_json": google.credentials_for(client)}

    answers = [api.post("/senders", json=members), api.get("/senders"), api.get("/senders/alerts")]

    assert answers[0].json()["has_own_client"] is True
    for answer in answers:
        assert client.client_secret not in answer.text


def test_an_alias_is_taken_once(api: TestClient) -> None:
    """The second registration is told so, and changes nothing."""
    api.post("/senders", json={"alias": "alerts", "project": "first"})

    answer = api.post("/senders", json={"alias": "alerts", "project": "second"})

    assert answer.status_code == 409
    assert answer.json()["code"] == "sender_exists"
    assert api.get("/senders/alerts").json()["project"] == "first"


@pytest.mark.parametrize("alias", ["callback", "reauth", "auth"])
def test_names_of_addresses_are_no_aliases(api: TestClient, alias: str) -> None:
    """Otherwise the sender could not be reached."""
    answer = api.post("/senders", json={"alias": alias})

    assert answer.status_code == 422
    assert answer.json()["field"] == "alias"


def test_a_sender_is_deleted(api: TestClient, core: Mailcore, authorised: str) -> None:
    """It is gone, and the trail says who did it."""
    answer = api.delete(f"/senders/{authorised}")

    assert answer.status_code == 200
    assert answer.json() == {
        "alias": authorised,
        "discarded_deliveries": 0,
        "grant": "revoked",
    }
    assert api.get(f"/senders/{authorised}").status_code == 404
    assert core.senders.events(authorised)[0].who == "api:ci"


@pytest.mark.parametrize("alias", ["nobody", "UPPER", "%00", "%F0%9F%92%A9", "x" * 300])
@pytest.mark.parametrize(("method", "suffix"), [("GET", ""), ("DELETE", ""), ("POST", "/auth")])
def test_an_unknown_sender(api: TestClient, method: str, suffix: str, alias: str) -> None:
    """Whatever is asked of it: 404."""
    answer = api.request(method, f"/senders/{alias}{suffix}")

    assert answer.status_code == 404
    assert answer.json()["code"] == "sender_not_found"
    assert "GET /senders" in answer.json()["remedy"]
    assert "pal-e-mail" not in answer.json()["detail"]


def test_a_re_auth_is_begun_and_completed(
    api: TestClient, core: Mailcore, google: GoogleSandbox
) -> None:
    """The link leads to Google's consent, and from there to healthy."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")

    answer = api.post("/senders/alerts/auth")

    assert answer.status_code == 200
    link = answer.json()
    assert link["authorization_url"].startswith(google.auth_uri)
    assert datetime.fromisoformat(link["expires_at"]).tzinfo is not None
    assert api.get(google.consent(link["authorization_url"])).status_code == 200
    assert core.senders.get("alerts").status is SenderStatus.HEALTHY
    assert core.senders.events("alerts")[0].who == "api:ci"


def test_no_token_in_any_answer(
    api: TestClient, core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """Neither a healthy nor an expired sender shows its tokens."""
    answers = [api.get("/senders").text, api.get(f"/senders/{authorised}").text]
    google.expire_grant(ACCOUNT)
    core.check(authorised)
    answers += [api.get("/senders").text, api.delete(f"/senders/{authorised}").text]

    for text in answers:
        for secret in google.secrets:
            assert secret not in text


def test_a_deployment_without_an_oauth_client(
    core: Mailcore, google: GoogleSandbox, mailcore_with: Callable[..., Mailcore]
) -> None:
    """409, as asking again does not help: the problem says what to set up, and that helps."""
    bare = mailcore_with(google_client_id=None, google_client_secret=None, api_keys=KEYS)
    core.senders.register("alerts", by="t")
    core.senders.register("own", credentials_json=google.credentials_json, by="t")

    with TestClient(create_app(bare), headers={"Authorization": f"Bearer {API_KEY}"}) as client:
        refused, own = client.post("/senders/alerts/auth"), client.post("/senders/own/auth")
        core.client.store(google.credentials_json, by="t")
        mended = client.post("/senders/alerts/auth")

    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "no_oauth_client"
    assert "GOOGLE_CLIENT_ID" in refused.json()["remedy"]
    assert (own.status_code, mended.status_code) == (200, 200)

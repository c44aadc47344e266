"""What a person sees who comes back from Google."""

import base64
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2
import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from pydantic import SecretStr
from starlette.testclient import TestClient

from callback import create_app
from mailcore import Mailcore, SenderStatus
from mailcore.sandbox import GoogleSandbox, faults
from tests.callback.browsing import Page
from tests.support.authorise import ACCOUNT
from tests.support.driving import Tables


def healthy_with_the_old_grant(core: Mailcore, alias: str) -> bool:
    """Ask Google, not the database."""
    return (
        core.check(alias).status is SenderStatus.HEALTHY and core.senders.get(alias).generation == 1
    )


def shows(answer: httpx2.Response, status: int, heading: str, core: Mailcore) -> Page:
    page = Page(answer.text)
    assert answer.status_code == status
    assert page.title == f"{heading} · pal-e-mail"
    assert heading in page.text
    assert "What to do next" in page.text
    assert f"{core.settings.public_url}/" in page.links
    return page


def test_a_first_consent_makes_the_sender_healthy(
    browser: TestClient, core: Mailcore, google: GoogleSandbox
) -> None:
    """The page says that it worked, for which sender and account, and until when."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="ann@example.com")
    begun = core.authorizations.begin("alerts", by="ann@example.com")

    page = shows(browser.get(google.consent(begun.url)), 200, "alerts is healthy", core)

    assert ACCOUNT in page.text
    assert "Valid until" in page.text
    assert page.buttons == []
    assert core.senders.get("alerts").status is SenderStatus.HEALTHY
    assert core.senders.events("alerts")[0].who == "ann@example.com"


def test_a_repeated_consent_makes_it_healthy_again(
    browser: TestClient, core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """After an expiry the page says "again"."""
    google.expire_grant(ACCOUNT)
    assert core.check(authorised).status is SenderStatus.EXPIRED

    answer = browser.get(google.consent(core.authorizations.begin(authorised, by="t").url))

    shows(answer, 200, "alerts is healthy", core)
    assert core.check(authorised).status is SenderStatus.HEALTHY


def test_a_sender_without_an_account_adopts_the_one_that_consents(
    browser: TestClient, core: Mailcore, google: GoogleSandbox
) -> None:
    """The page names the account that was adopted."""
    core.senders.register("alerts", by="t")
    url = core.authorizations.begin("alerts", by="t").url

    page = Page(browser.get(google.consent(url, "billing@example.com")).text)

    assert "billing@example.com" in page.text


def test_cancelling_changes_nothing(
    browser: TestClient, core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """Cancel: a page that says so, and a button to try again."""
    begun = core.authorizations.begin(authorised, by="t")

    answer = browser.get(google.consent(begun.url, cancel=True))

    page = shows(answer, 403, "Access was not allowed", core)
    assert "click Continue on Google's page" in page.text
    assert ACCOUNT in page.text
    assert page.buttons == ["Try again with Google"]
    assert healthy_with_the_old_grant(core, authorised)


def test_an_unticked_permission_is_named(
    browser: TestClient, core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """Whoever unticked a box is told which one."""
    begun = core.authorizations.begin(authorised, by="t")

    answer = browser.get(google.consent(begun.url, untick=["gmail.send"]))

    page = shows(answer, 403, "A permission is missing", core)
    assert "send email on your behalf" in page.text
    assert page.buttons == ["Try again with Google"]
    assert healthy_with_the_old_grant(core, authorised)


def test_a_wrong_account_is_refused_with_both_named(
    browser: TestClient, core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """The page names both accounts; trying again shows Google's account chooser."""
    begun = core.authorizations.begin(authorised, by="t")

    answer = browser.get(google.consent(begun.url, "billing@example.com"))

    page = shows(answer, 409, "That was a different account", core)
    assert ACCOUNT in page.text
    assert "billing@example.com" in page.text
    assert page.buttons == ["Try again with Google"]
    assert healthy_with_the_old_grant(core, authorised)
    to_google = browser.post(answer.url, follow_redirects=False).headers["location"]
    assert to_google.startswith(google.auth_uri)
    assert "prompt=select_account+consent" in to_google


def test_trying_again_leads_to_healthy(
    browser: TestClient, core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """One press of the button, the right account this time, and it is done."""
    url = core.authorizations.begin(authorised, by="ann@example.com").url
    refused = browser.get(google.consent(url, "billing@example.com"))

    to_google = browser.post(refused.url, follow_redirects=False).headers["location"]
    answer = browser.get(google.consent(to_google))

    shows(answer, 200, "alerts is healthy", core)
    assert core.senders.events(authorised)[0].who == "ann@example.com"


def test_only_who_came_back_from_google_can_try_again(
    browser: TestClient, core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """Someone else who opens the outcome's address sees the outcome, and gets no link."""
    url = core.authorizations.begin(authorised, by="t").url
    refused = browser.get(google.consent(url, cancel=True))
    browser.cookies.clear()

    seen = browser.get(refused.url)
    pressed = browser.post(refused.url, follow_redirects=False)

    assert Page(seen.text).buttons == []
    assert pressed.status_code == 303
    assert pressed.headers["location"].endswith(refused.url.path.removeprefix("/senders/"))


@pytest.mark.parametrize(
    "cookie",
    ["", "x", "e30=", "bnVsbA==", "W10=", "\xff"],
    ids=["empty", "no base64", "no members", "null", "list", "latin-1"],
)
def test_a_mangled_cookie_does_no_harm(
    browser: TestClient, core: Mailcore, google: GoogleSandbox, authorised: str, cookie: str
) -> None:
    """The outcome is shown; only the button is missing."""
    url = core.authorizations.begin(authorised, by="t").url
    refused = browser.get(google.consent(url, cancel=True))
    browser.cookies.clear()

    seen = browser.get(
        refused.url, headers={b"Cookie": f"palemail_follow_up={cookie}".encode("latin-1")}
    )

    assert seen.status_code == 403
    assert Page(seen.text).buttons == []


def test_a_cookie_from_elsewhere_leads_nowhere(
    browser: TestClient, core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """A cookie set by another host of the domain cannot make the button lead to it."""
    url = core.authorizations.begin(authorised, by="t").url
    refused = browser.get(google.consent(url, cancel=True))
    browser.cookies.clear()
    members = {"released": 0, "authorization_id": "x", "url": "https://evil.example.com/?"}
    forged = base64.urlsafe_b64encode(json.dumps(members).encode()).decode()

    pressed = browser.post(
        refused.url, headers={"Cookie": f"palemail_follow_up={forged}"}, follow_redirects=False
    )

    assert "evil" not in pressed.headers["location"]


def test_a_stand_in_by_another_name_is_refused_with_both_named(
    core: Mailcore,
    google: GoogleSandbox,
    authorised: str,
    mailcore_with: Callable[..., Mailcore],
) -> None:
    """Who points at localhost while the stand-in calls itself 127.0.0.1 sees which is which."""
    by_name = google.token_uri.replace("127.0.0.1", "localhost")
    other = mailcore_with(google_token_uri=by_name)
    back = google.consent(other.authorizations.begin(authorised, by="t").url)
    with TestClient(create_app(other), base_url=core.settings.public_url) as client:
        answer = client.get(back)

    page = shows(answer, 502, "Google did not say which account this is", core)
    assert google.url in page.text
    assert google.url.replace("127.0.0.1", "localhost") in page.text
    assert healthy_with_the_old_grant(core, authorised)


def test_google_down_is_said_and_nothing_lost(
    browser: TestClient, core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """The token endpoint fails: the person may try again, the old grant works."""
    back = google.consent(core.authorizations.begin(authorised, by="t").url)
    google.fail("token", faults.SERVICE_UNAVAILABLE, times=None)

    answer = browser.get(back)

    google.heal()
    page = shows(answer, 502, "Google could not finish this", core)
    assert page.buttons == ["Try again with Google"]
    assert healthy_with_the_old_grant(core, authorised)


def test_a_refused_client_is_the_setups_fault(
    browser: TestClient, core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """An OAuth client that Google refuses: the page points to the Setup page."""
    back = google.consent(core.authorizations.begin(authorised, by="t").url)
    google.fail("token", faults.INVALID_CLIENT)

    answer = browser.get(back)

    page = shows(answer, 500, "The setup needs attention", core)
    assert "Setup page" in page.text
    assert healthy_with_the_old_grant(core, authorised)


def test_a_forged_state_is_refused(browser: TestClient, core: Mailcore) -> None:
    """A state that was never handed out: 400, and a way back."""
    shows(browser.get("/senders/callback?state=forged&code=x"), 400, "This link is not valid", core)


@pytest.mark.parametrize("query", ["", "?state=", "?code=x", "?error=access_denied", "?state=%00"])
def test_a_bare_visit_is_refused(browser: TestClient, core: Mailcore, query: str) -> None:
    """Whoever opens the callback by hand is told that the link is not valid."""
    shows(browser.get(f"/senders/callback{query}"), 400, "This link is not valid", core)


def test_an_expired_link_is_refused(
    browser: TestClient,
    core: Mailcore,
    google: GoogleSandbox,
    authorised: str,
    tables: Tables,
) -> None:
    """Ten minutes are over: the page says so."""
    back = google.consent(core.authorizations.begin(authorised, by="t").url)
    tables("UPDATE authorization_request SET expires_at = now() - interval '1 second'")

    answer = browser.get(back)

    page = shows(answer, 410, "This link has expired", core)
    assert authorised in page.text
    assert healthy_with_the_old_grant(core, authorised)


def test_a_replay_says_that_it_worked_the_first_time(
    browser: TestClient, core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """The back button, or a double click: "already done", since all is well."""
    back = google.consent(core.authorizations.begin(authorised, by="t").url)
    browser.get(back)

    answer = browser.get(back)

    page = shows(answer, 409, "Already done", core)
    assert "has been authorised" in page.text
    assert core.senders.get(authorised).generation == 2


def test_a_replay_of_a_refusal_tells_the_refusal(
    browser: TestClient, core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """Nor does a replay hand out a fresh link: an old address proves nothing."""
    back = google.consent(core.authorizations.begin(authorised, by="t").url, cancel=True)
    browser.get(back)
    browser.cookies.clear()

    page = shows(browser.get(back), 409, "This link has already been used", core)

    assert "was not given" in page.text
    assert page.buttons == []


def test_of_two_callbacks_at_once_one_wins(
    keyed_core: Mailcore, core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """Both browsers see a page; the grant is stored once."""
    back = google.consent(core.authorizations.begin(authorised, by="t").url)
    app = create_app(keyed_core)
    seen: list[int] = []
    start = threading.Barrier(2)

    def come_back() -> None:
        with TestClient(app, base_url=core.settings.public_url) as client:
            start.wait()
            seen.append(client.get(back).status_code)

    threads = [threading.Thread(target=come_back) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(seen) == [200, 409]
    assert core.senders.get(authorised).generation == 2


def test_looking_without_getting_uses_nothing_up(
    browser: TestClient, core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """A HEAD request by a link checker leaves the link good."""
    back = google.consent(core.authorizations.begin(authorised, by="t").url)

    assert browser.head(back).status_code == 405
    assert browser.get(back).status_code == 200


def test_a_sender_deleted_meanwhile(
    browser: TestClient, core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """Its link is no good any more, and the sender does not come back."""
    back = google.consent(core.authorizations.begin(authorised, by="t").url)
    core.senders.delete(authorised, by="t")

    shows(browser.get(back), 400, "This link is not valid", core)
    assert core.senders.page().matching == 0


def test_the_outcome_can_be_reloaded(
    browser: TestClient, core: Mailcore, google: GoogleSandbox, authorised: str
) -> None:
    """Reloading the page shows the same again, and does nothing."""
    answer = browser.get(google.consent(core.authorizations.begin(authorised, by="t").url))

    again = browser.get(answer.url)

    assert again.status_code == 200
    assert Page(again.text).title == Page(answer.text).title
    assert core.senders.get(authorised).generation == 2


def test_an_outcome_that_is_still_open(
    browser: TestClient, core: Mailcore, authorised: str
) -> None:
    """Nobody came back from Google yet: the page says that it waits."""
    begun = core.authorizations.begin(authorised, by="t")

    shows(browser.get(f"/senders/callback/{begun.id}"), 202, "Not finished yet", core)


@pytest.mark.parametrize(
    "name", ["x", "00000000-0000-0000-0000-000000000000", "%00", "%F0%9F%92%A9"]
)
def test_an_outcome_that_never_was(browser: TestClient, core: Mailcore, name: str) -> None:
    """A made-up address is not found out by a traceback."""
    shows(browser.get(f"/senders/callback/{name}"), 400, "This link is not valid", core)


def test_a_database_that_is_down(
    core: Mailcore,
    google: GoogleSandbox,
    authorised: str,
    mailcore_with: Callable[..., Mailcore],
) -> None:
    """The page says to reload; and reloading, once it is up, completes the re-auth."""
    back = google.consent(core.authorizations.begin(authorised, by="t").url)
    nowhere = mailcore_with(database_url=SecretStr("postgresql://nobody@127.0.0.1:9/none"))
    with TestClient(create_app(nowhere), base_url=core.settings.public_url) as client:
        down = client.get(back)
    with TestClient(create_app(core), base_url=core.settings.public_url) as client:
        up = client.get(back)

    shows(down, 503, "The database cannot be reached", core)
    assert up.status_code == 200


def test_a_database_that_goes_away_once_the_link_is_used_up(
    *,
    browser: TestClient,
    core: Mailcore,
    google: GoogleSandbox,
    authorised: str,
    database_url: str,
    postgres_server: str,
) -> None:
    """The page says to start again, as reloading cannot help, and the old grant still works."""
    back = google.consent(core.authorizations.begin(authorised, by="t").url)
    with psycopg.connect(database_url) as connection:
        name = connection.info.dbname

    with psycopg.connect(postgres_server, autocommit=True) as server:

        def open_to_all(answer: str) -> None:
            server.execute(
                SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(Identifier(name), SQL(answer))
            )

        with google.hold("token") as gate, ThreadPoolExecutor(1) as pool:
            visit = pool.submit(browser.get, back)
            gate.wait_for_arrivals(1)
            open_to_all("false")
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            gate.release()
            answer = visit.result()
        open_to_all("true")

    page = shows(answer, 503, "The new grant could not be stored", core)
    assert answer.history == []
    assert "old grant is unchanged" in page.text
    assert "start again from the senders page" in page.text
    assert "reload" not in page.text
    assert healthy_with_the_old_grant(core, authorised)

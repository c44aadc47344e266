"""The link that an alert carries, as the mailbox's owner meets it."""

import pytest
from starlette.testclient import TestClient

from mailcore import Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.callback.browsing import Page
from tests.support.authorise import ACCOUNT
from tests.support.driving import Tables


@pytest.fixture
def link(core: Mailcore, authorised: str) -> str:
    url = core.tickets.issue(authorised, by="ann@example.com").url
    assert url is not None
    return url


def test_a_ticket_shows_what_it_is_for(browser: TestClient, core: Mailcore, link: str) -> None:
    """One button, the sender, the account, and until when."""
    answer = browser.get(link)

    page = Page(answer.text)
    assert answer.status_code == 200
    assert page.title == "Authorise alerts · pal-e-mail"
    assert ACCOUNT in page.text
    assert "expires in" in page.text
    assert page.buttons == ["Continue to Google"]
    assert f"{core.settings.public_url}/" in page.links


def test_the_button_leads_to_google_and_back_to_healthy(
    browser: TestClient, core: Mailcore, google: GoogleSandbox, link: str
) -> None:
    """Nobody needs to be an admin for it; the trail says whose ticket it was."""
    pressed = browser.post(link, follow_redirects=False)
    assert pressed.status_code == 303
    assert pressed.headers["location"].startswith(google.auth_uri)

    done = browser.get(google.consent(pressed.headers["location"]))

    assert Page(done.text).title.startswith("alerts is healthy")
    assert "ann@example.com" in core.senders.events("alerts")[0].who


def test_who_brings_an_account_is_told_that_it_has_to_be_confirmed(
    browser: TestClient, core: Mailcore, google: GoogleSandbox
) -> None:
    """Nothing is promised that an admin may refuse, and no sender is called healthy."""
    core.senders.register("fresh", by="t")
    link = str(core.tickets.issue("fresh", by="ann@example.com", any_mailbox=True).url)
    pressed = browser.post(link, follow_redirects=False)
    done = browser.get(google.consent(pressed.headers["location"], ACCOUNT))
    page = Page(done.text)
    assert "an admin has to confirm" in page.title
    assert ACCOUNT in page.text
    assert "healthy" not in page.text.lower()


def test_previews_do_not_use_it_up(browser: TestClient, link: str) -> None:
    """A chat program fetches the link before the owner does; it still works."""
    for _ in range(3):
        assert browser.get(link).status_code == 200
        assert browser.head(link).status_code == 200

    assert browser.post(link, follow_redirects=False).status_code == 303


def test_a_ticket_that_did_its_work_says_so(
    browser: TestClient, google: GoogleSandbox, link: str
) -> None:
    """The owner who opens it once more is told that all is well, not that something failed."""
    pressed = browser.post(link, follow_redirects=False)
    browser.get(google.consent(pressed.headers["location"]))

    for answer in (browser.get(link), browser.post(link, follow_redirects=False)):
        page = Page(answer.text)
        assert answer.status_code == 200
        assert page.title.startswith("Already done")
        assert page.buttons == []


def test_a_cancel_at_google_leaves_the_link_good(
    browser: TestClient, core: Mailcore, google: GoogleSandbox, link: str
) -> None:
    """The owner goes back to the link, or opens it again the next day."""
    google.expire_grant(ACCOUNT)
    core.check("alerts")
    core.queue_email("alerts", to="ops@example.com", subject="S", text="T")
    pressed = browser.post(link, follow_redirects=False)
    browser.get(google.consent(pressed.headers["location"], cancel=True))

    page = Page(browser.get(link).text)
    assert page.buttons == ["Continue to Google"]
    assert "1 message for this" in page.text
    pressed = browser.post(link, follow_redirects=False)
    done = browser.get(google.consent(pressed.headers["location"]))
    assert Page(done.text).title.startswith("alerts is healthy")
    assert Page(browser.get(link).text).title.startswith("Already done")


def test_a_ticket_runs_out(browser: TestClient, link: str, tables: Tables) -> None:
    """After 72 hours it says so, names the sender, and starts nothing."""
    tables("UPDATE reauth_ticket SET expires_at = now() - interval '1 second'")

    for answer in (browser.get(link), browser.post(link, follow_redirects=False)):
        page = Page(answer.text)
        assert answer.status_code == 410
        assert page.title.startswith("This link has expired")
        assert "alerts" in page.text


@pytest.mark.parametrize("ticket", ["made-up", "%00", "%F0%9F%92%A9", "x" * 5000])
def test_a_made_up_ticket(browser: TestClient, ticket: str) -> None:
    """It is told apart from a good one, and says nothing of any sender."""
    for answer in (
        browser.get(f"/senders/reauth/{ticket}"),
        browser.post(f"/senders/reauth/{ticket}", follow_redirects=False),
    ):
        assert answer.status_code == 400
        assert Page(answer.text).title.startswith("This link is not valid")

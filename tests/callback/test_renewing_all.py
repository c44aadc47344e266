"""Renew all due: from one sender to the next, without the admin page in between."""

from datetime import timedelta

from starlette.testclient import TestClient

from mailcore import Mailcore, RenewalWalk, SenderStatus, now
from mailcore.sandbox import GoogleSandbox
from tests.callback.browsing import Page
from tests.support.authorise import come_back

ACCOUNTS = {"alerts": "alerts@example.com", "billing": "billing@example.com"}


def expired_senders(core: Mailcore, google: GoogleSandbox) -> None:
    for alias, account in ACCOUNTS.items():
        core.senders.register(alias, gmail_account=account, by="t")
        come_back(core, google.consent(core.authorizations.begin(alias, by="t").url))
        google.expire_grant(account)
        assert core.check(alias).status is SenderStatus.EXPIRED


def test_the_walk_through_all_that_is_due(
    browser: TestClient, core: Mailcore, google: GoogleSandbox
) -> None:
    """Each page offers the next sender; the last one says that all is done."""
    expired_senders(core, google)
    begun = core.authorizations.next_due(by="ann@example.com")
    assert begun is not None

    first = browser.get(google.consent(begun.url))
    page = Page(first.text)
    assert "One more sender is due" in page.text
    assert page.buttons == ["Next: billing"]
    assert ACCOUNTS["billing"] in page.text

    onwards = browser.post(first.url, follow_redirects=False)
    assert onwards.status_code == 303
    last = Page(browser.get(google.consent(onwards.headers["location"])).text)
    assert "All done" in last.text
    assert last.buttons == []
    assert {sender.status for sender in core.senders.page().senders} == {SenderStatus.HEALTHY}
    assert core.senders.events("billing")[0].who == "ann@example.com"


def test_the_walk_goes_on_after_a_refusal(
    browser: TestClient, core: Mailcore, google: GoogleSandbox
) -> None:
    """Who picks a wrong account tries again, and is then led to the next sender."""
    expired_senders(core, google)
    begun = core.authorizations.next_due(by="t")
    assert begun is not None

    refused = browser.get(google.consent(begun.url, "billing@example.com"))
    retry = browser.post(refused.url, follow_redirects=False).headers["location"]
    page = Page(browser.get(google.consent(retry, "alerts@example.com")).text)

    assert page.buttons == ["Next: billing"]


def test_a_link_that_was_followed_is_not_offered_again(
    browser: TestClient, core: Mailcore, google: GoogleSandbox
) -> None:
    """The back button leads to a page that knows that the next one is done too."""
    expired_senders(core, google)
    begun = core.authorizations.next_due(by="t")
    assert begun is not None
    first = browser.get(google.consent(begun.url))
    onwards = browser.post(first.url, follow_redirects=False).headers["location"]
    browser.get(google.consent(onwards))

    page = Page(browser.get(first.url).text)

    assert page.buttons == []
    assert "All done" in page.text


def test_one_re_auth_alone_offers_no_other(
    browser: TestClient, core: Mailcore, google: GoogleSandbox
) -> None:
    """Who came for one sender is not asked to do the rest."""
    expired_senders(core, google)
    begun = core.authorizations.begin("alerts", by="t")

    page = Page(browser.get(google.consent(begun.url)).text)

    assert page.buttons == []
    assert "due" not in page.text


def test_a_walk_with_a_limit_keeps_it_from_page_to_page(
    browser: TestClient, core: Mailcore, google: GoogleSandbox
) -> None:
    """Each comes once, though the new grants end within the limit, too; other projects' don't."""
    for alias, project in {"alerts": "a", "billing": "a", "reports": "b"}.items():
        core.senders.register(alias, gmail_account=f"{alias}@example.com", project=project, by="t")
        come_back(core, google.consent(core.authorizations.begin(alias, by="t").url))
    walk = RenewalWalk(ends_before=now() + timedelta(days=8), project="a")
    begun = core.authorizations.next_due(by="t", walk=walk)
    assert begun is not None

    first = browser.get(google.consent(begun.url))
    assert Page(first.text).buttons == ["Next: billing"]
    onwards = browser.post(first.url, follow_redirects=False).headers["location"]
    last = Page(browser.get(google.consent(onwards)).text)

    assert last.buttons == []
    assert "All done" in last.text
    assert core.senders.get("reports").generation == 1


def test_one_that_is_refused_for_good_leads_on_to_the_next(
    browser: TestClient, core: Mailcore, google: GoogleSandbox
) -> None:
    """Once trying again is no longer offered, the page leads past the sender; then it ends."""
    expired_senders(core, google)
    begun = core.authorizations.next_due(by="t")
    assert begun is not None
    url, buttons = begun.url, []
    for _ in range(9):
        refused = browser.get(google.consent(url, cancel=True))
        buttons += Page(refused.text).buttons
        if not Page(refused.text).buttons:
            break
        url = browser.post(refused.url, follow_redirects=False).headers["location"]

    tries = ["Try again with Google"] * 3
    assert buttons == [*tries, "Next: billing", *tries]
    assert core.senders.get("alerts").status is SenderStatus.EXPIRED

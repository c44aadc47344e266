"""What pages and answers that anybody can get keep to themselves."""

import re
from collections.abc import Callable

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from callback import create_app
from mailcore import Mailcore, SenderStatus
from mailcore.sandbox import GoogleSandbox
from tests.callback.browsing import Page
from tests.support.authorise import ACCOUNT

DOWN = SecretStr("postgresql://nobody:secret@127.0.0.1:9/inner?application_name=x")
INSIDE = re.compile(r"127\.0\.0\.1|:9\b|\bnobody\b|\binner\b|secret|socket|Nothing was sent")


@pytest.mark.parametrize("path", ["/senders/callback?state=x&code=y", "/senders/reauth/x"])
def test_a_page_does_not_name_the_database(
    mailcore_with: Callable[..., Mailcore], path: str
) -> None:
    """A stranger learns that it is down, not where it is, nor anything of mail."""
    with TestClient(create_app(mailcore_with(database_url=DOWN))) as client:
        answer = client.get(path)

    assert answer.status_code == 503
    text = Page(answer.text).text
    assert "cannot reach its database" in text
    assert INSIDE.search(text) is None


@pytest.mark.parametrize(
    "path",
    ["/healthz/", "/readyz/", "/openapi.json/", "/senders/", "/senders/%0a/", "/senders/a%0ab/"],
)
def test_no_address_redirects_to_the_host_that_the_client_names(
    browser: TestClient, path: str
) -> None:
    """A slash too many leads nowhere, least of all to another site."""
    answer = browser.get(path, headers={"Host": "evil.example.com"}, follow_redirects=False)

    assert answer.status_code in {401, 404}
    assert "evil" not in f"{answer.text}{answer.headers}"


def test_a_first_consent_never_reads_again(
    browser: TestClient, core: Mailcore, google: GoogleSandbox
) -> None:
    """Neither on a ticket's page, nor when its outcome is reloaded after a second consent."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    ticket = core.tickets.issue("alerts", by="t").url
    assert ticket is not None
    offered = browser.get(ticket)
    first = browser.get(google.consent(core.authorizations.begin("alerts", by="t").url))
    browser.get(google.consent(core.authorizations.begin("alerts", by="t").url))

    assert core.senders.get("alerts").status is SenderStatus.HEALTHY
    for page in (offered.text, browser.get(first.url).text):
        assert "again" not in Page(page).text

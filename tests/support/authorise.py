"""A re-auth without any page: the link, the consent, the way back."""

from urllib.parse import parse_qs, urlsplit

from mailcore import Completed, Mailcore, Sender
from mailcore.sandbox import GoogleSandbox

ACCOUNT = "alerts@example.com"


def query(url: str) -> dict[str, str]:
    """The parameters of an address, each of which is there once."""
    values = parse_qs(urlsplit(url).query, keep_blank_values=True)
    assert all(len(value) == 1 for value in values.values())
    return {name: value[0] for name, value in values.items()}


def come_back(core: Mailcore, address: str) -> Completed:
    """Follow the link that leads back from Google."""
    given = query(address)
    return core.authorizations.complete(
        state=given.get("state"), code=given.get("code"), error=given.get("error")
    )


def authorise(
    core: Mailcore, google: GoogleSandbox, alias: str = "alerts", account: str | None = None
) -> Completed:
    """Go the whole way through the consent screen."""
    begun = core.authorizations.begin(alias, by="ann@example.com")
    return come_back(core, google.consent(begun.url, account))


def healthy_sender(core: Mailcore, google: GoogleSandbox, *, use_drafts: bool = False) -> Sender:
    """Register the sender *alerts*, and authorise it as a person does."""
    core.senders.register("alerts", gmail_account=ACCOUNT, project="shop", by="ann")
    core.senders.set_use_drafts("alerts", use_drafts, by="ann")
    return authorise(core, google).sender

"""A whole deployment to try out: Postgres, a stand-in for Google, and every way to send."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from mailcore import Mailcore, Settings
from mailcore.sandbox import GoogleSandbox
from mailcore.smtp.server import SmtpOptions, serving
from tests.callback.browsing import KEYS, served
from tests.support.authorise import authorise
from tests.support.certificates import server_context
from tests.support.connect_proxy import connect_proxy, go_through
from tests.support.driving import Tables
from tests.support.relay import tls_front


@dataclass(frozen=True, slots=True)
class Place:
    """A deployment.

    Attributes:
        google: what it sends to.
        core: for people: it goes straight there.
        jobs: for programs: it may have to go through a proxy.
        http: the API's address.
        smtp: the SMTP server's port.
        tables: a look into the database.
    """

    google: GoogleSandbox
    core: Mailcore
    jobs: Mailcore
    http: str
    smtp: int
    tables: Tables

    def add_sender(self, alias: str) -> str:
        """Register a sender with an account of its own and authorise it; return the account."""
        account = f"{alias}@example.com"
        self.google.add_account(account)
        self.core.senders.register(alias, gmail_account=account, by="ann")
        authorise(self.core, self.google, alias)
        return account


@contextmanager
def deployment(database_url: str, folder: Path, *, proxied: bool) -> Iterator[Place]:
    """Run one.

    Args:
        database_url: an empty database.
        folder: for certificates.
        proxied: programs reach Google by TLS through a proxy.
    """
    with ExitStack() as stack:
        google = stack.enter_context(GoogleSandbox())
        settings = Settings(
            database_url=SecretStr(database_url),
            google_client_id=google.client_id,
            google_client_secret=SecretStr(google.client_secret),
            api_keys=KEYS,
            **_endpoints(google, google.url),
        )
        core = Mailcore(settings)
        stack.callback(core.close)
        core.migrate()
        if proxied:
            tls, certificate = server_context(folder)
            variables = stack.enter_context(pytest.MonkeyPatch.context())
            variables.setenv("SSL_CERT_FILE", str(certificate))
            go_through(variables, stack.enter_context(connect_proxy()).url)
            front = stack.enter_context(tls_front(urlsplit(google.url).port or 0, tls))
            behind = _endpoints(google, front.rstrip("/"))
            settings = settings.model_copy(update=behind)
        web = stack.enter_context(served(settings))
        smtp = stack.enter_context(serving(web, SmtpOptions(port=0)))
        yield Place(google, core, web, web.settings.public_url, smtp, Tables(database_url))


def _endpoints(google: GoogleSandbox, origin: str) -> dict[str, str]:
    return {
        "google_auth_uri": google.auth_uri,
        "google_token_uri": origin + urlsplit(google.token_uri).path,
        "google_revoke_uri": f"{google.url}/revoke",
        "gmail_api_endpoint": f"{origin}/",
    }

"""A re-auth reaches Google as mail does: same proxy, same certificates."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from mailcore import Mailcore
from mailcore.google.consent import Consent
from mailcore.google.credentials import OAuthClient
from mailcore.google.scopes import requested_scopes
from mailcore.google.transport import Transport
from mailcore.sandbox import GoogleSandbox
from tests.support.certificates import server_context
from tests.support.connect_proxy import connect_proxy, go_through
from tests.support.relay import tls_front


def test_behind_a_proxy_and_with_a_certificate_of_the_companys_own(
    google: GoogleSandbox, core: Mailcore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where mail gets through, so does the code: no consent is burned for want of a CA."""
    tls, certificate = server_context(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with connect_proxy() as proxy, tls_front(urlsplit(google.url).port or 0, tls) as front:
        go_through(monkeypatch, proxy.url)
        token_uri = front.rstrip("/") + urlsplit(google.token_uri).path
        settings = core.settings.model_copy(update={"google_token_uri": token_uri})
        transport = Transport()
        consent = Consent(settings, transport)
        client = OAuthClient(client_id=google.client_id, client_secret=google.client_secret)
        link = consent.consent_link(
            client,
            redirect_uri=settings.redirect_uri,
            state="state",
            account="alerts@example.com",
            choose_account=False,
            scopes=requested_scopes(drafts=False),
        )
        [code] = parse_qs(urlsplit(google.consent(link.url)).query)["code"]
        exchanged = consent.exchange(
            client,
            code=code,
            code_verifier=link.code_verifier,
            redirect_uri=settings.redirect_uri,
        )
        transport.close()
    assert exchanged.grant.refresh_token is not None
    assert exchanged.lasts is not None
    [head] = proxy.heads
    assert head.startswith("CONNECT ")

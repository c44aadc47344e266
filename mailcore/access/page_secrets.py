"""The secrets that come from the deployment's random key: of cookies, links and alerts."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlencode

from sqlalchemy import text

from mailcore.clock import now
from mailcore.store.database import Database
from mailcore.store.encryption import Vault
from mailcore.store.sealed_columns import PAGE_KEY

#: Of two programs that start at once on a new database, both get the first one's key.
_KEEP_FIRST = text("""
    INSERT INTO deployment (id, page_key, updated_at, updated_by)
    VALUES (1, :fresh, :at, 'pal-e-mail')
    ON CONFLICT (id) DO UPDATE SET page_key = coalesce(deployment.page_key, :fresh)
    RETURNING page_key
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSecrets:
    """The deployment's own secrets, the same after a restart.

    Attributes:
        signing_key: signs the page's cookies.
        start_token: lets in whoever has it, where there is no login.
        alert_key: what the fingerprints of alert channels and the links in alerts come from.
    """

    signing_key: bytes = field(repr=False)
    start_token: str = field(repr=False)
    alert_key: bytes = field(repr=False)

    def link(self, address: str) -> str:
        """Return the link by which the page is opened for the first time in a browser.

        Args:
            address: where the page is.
        """
        return f"{address.rstrip('/')}/?{urlencode({'token': self.start_token})}"


def page_secrets(database: Database, vault: Vault) -> PageSecrets:
    """Return the deployment's secrets. They come from one random key, made at first use.

    Raises:
        ConfigurationError: the tables are missing, or no key opens what is stored.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    fresh = vault.seal(secrets.token_hex(32), PAGE_KEY.at())
    with database.statement() as connection:
        stored = connection.execute(_KEEP_FIRST, {"fresh": fresh, "at": now()}).scalar_one()
    key = bytes.fromhex(vault.open(stored, PAGE_KEY.at()))
    return PageSecrets(
        signing_key=_derived(key, b"cookies"),
        start_token=_derived(key, b"start-up link").hex(),
        alert_key=_derived(key, b"alerts"),
    )


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, purpose, hashlib.sha256)

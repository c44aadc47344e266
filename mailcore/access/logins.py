"""Logging in to the admin page with Google (OpenID Connect), and logging out.

Google's guide: https://developers.google.com/identity/openid-connect/openid-connect
"""

from datetime import datetime

from sqlalchemy import text

from mailcore.clock import now
from mailcore.errors import ConfigurationError, ExchangeFailed, PalEMailError
from mailcore.google.consent import Consent, ConsentLink, GoogleAccount
from mailcore.google.credentials import OAuthClient
from mailcore.google.failures import FailureKind, GoogleFailure
from mailcore.grants.oauth_clients import OAuthClients, no_client
from mailcore.settings import Settings
from mailcore.store.database import Database

_END = text("""
    INSERT INTO ended_login (id, forget_at) VALUES (:id, :forget_at) ON CONFLICT (id) DO NOTHING
""")
_FORGET = text("DELETE FROM ended_login WHERE forget_at < :now")
_ENDED = text("SELECT id FROM ended_login WHERE forget_at >= :now")


class Logins:
    """Logins with Google, through the deployment's OAuth client.

    Args:
        settings: where Google sends people back to.
        database: where ended logins are.
        clients: finds the OAuth client.
        consent: Google's endpoints.
    """

    def __init__(
        self, settings: Settings, database: Database, clients: OAuthClients, consent: Consent
    ) -> None:
        self._settings = settings
        self._database = database
        self._clients = clients
        self._consent = consent

    def require_client(self) -> None:
        """Find out whether anybody could log in.

        Raises:
            ConfigurationError: no OAuth client is set up.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        self._client()

    def begin(self, *, state: str) -> ConsentLink:
        """Return the link to Google's account chooser.

        Args:
            state: a random text, to be compared when the person comes back.

        Raises:
            ConfigurationError: no OAuth client is set up.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        return self._consent.login_link(
            self._client(),
            redirect_uri=self._settings.login_redirect_uri,
            state=state,
            workspace=self._settings.admin_domain,
        )

    def complete(self, *, code: str, code_verifier: str) -> GoogleAccount:
        """Return who has logged in.

        Args:
            code: as Google sent it.
            code_verifier: of the link that was followed.

        Raises:
            ExchangeFailed: Google refused the code, or could not be reached.
            IdentityMissing: Google's response does not prove who it is.
            ConfigurationError: there is no OAuth client, or Google refuses it.
            DatabaseUnavailable: Postgres cannot be reached.
        """
        client = self._client()
        try:
            exchanged = self._consent.exchange(
                client,
                code=code,
                code_verifier=code_verifier,
                redirect_uri=self._settings.login_redirect_uri,
            )
        except GoogleFailure as failure:
            raise _login_error(failure) from failure
        return self._consent.account(exchanged, client)

    def end(self, login_id: str, *, forget_at: datetime) -> None:
        """Log out: note that a login no longer counts.

        Args:
            login_id: the login's id.
            forget_at: when it would have ended by itself.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.transaction() as connection:
            connection.execute(_FORGET, {"now": now()})
            connection.execute(_END, {"id": login_id, "forget_at": forget_at})

    def ended(self) -> frozenset[str]:
        """Return the ids of the logins that no longer count.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        with self._database.statement() as connection:
            return frozenset(connection.execute(_ENDED, {"now": now()}).scalars())

    def _client(self) -> OAuthClient:
        client = self._clients.deployment()
        if client is None:
            raise no_client()
        return client


def _login_error(failure: GoogleFailure) -> PalEMailError:
    if failure.kind is FailureKind.CONFIGURATION or failure.reason == "unauthorized_client":
        return ConfigurationError(
            f"Google refuses the OAuth client ({failure}), so nobody can log in.",
            remedy="Check the client id, the secret and the redirect URI.",
        )
    temporary = failure.kind in {FailureKind.TEMPORARY, FailureKind.RATE}
    return ExchangeFailed(
        f"Google could not finish the login ({failure}).",
        remedy="Log in again.",
        temporary=temporary,
    )

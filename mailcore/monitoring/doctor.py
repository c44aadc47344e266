"""Checks of the deployment's setup, each with its remedy."""

from collections.abc import Callable, Iterator
from contextlib import closing
from email.utils import parsedate_to_datetime

import urllib3
from urllib3.exceptions import HTTPError

from mailcore.clock import Deadline, now
from mailcore.errors import PalEMailError
from mailcore.google.failures import GoogleFailure
from mailcore.google.transport import Transport
from mailcore.grants.oauth_clients import OAuthClients, no_client
from mailcore.monitoring.alert_check import check_alerts
from mailcore.senders.problems import SHARES_CLIENT
from mailcore.settings import Settings, is_loopback
from mailcore.store.all_sealed import all_sealed
from mailcore.store.database import Database
from mailcore.store.encryption import Vault
from mailcore.store.migrate import is_current
from mailcore.values.alerts import AlertHealth
from mailcore.values.checks import Finding, FindingState

#: How far this machine's clock may be off, in seconds.
_CLOCK_TOLERANCE = 60
#: The same against Postgres', which is nearer: what several hosts store is compared there.
_DATABASE_CLOCK_TOLERANCE = 5
#: Whether there are senders that use the deployment's client, or none at all yet.
_NEEDS_CLIENT = f"""
    SELECT NOT EXISTS (SELECT FROM sender)
           OR EXISTS (SELECT FROM sender WHERE {SHARES_CLIENT}) AS needs_client
"""  # noqa: S608 - of a constant
#: Seconds to wait for a response.
_TIMEOUT = 3.0


def examine(
    settings: Settings,
    database: Database,
    vault: Vault,
    clients: OAuthClients,
    alert_health: Callable[[], AlertHealth],
) -> tuple[Finding, ...]:
    """Check everything that a re-auth and a send need.

    Args:
        settings: the environment.
        database: the database.
        vault: seals what is stored.
        clients: the OAuth client.
        alert_health: says whether alerts reach anybody.

    Returns:
        One finding per check; a check never raises.
    """
    reached = _try("Database", lambda: _database(database))
    return (
        reached,
        _needing(reached, "Database clock", lambda: _database_clock(database)),
        _needing(reached, "Migrations", lambda: _migrations(database)),
        _needing(reached, "OAuth client", lambda: _client(database, clients)),
        _callback(settings, clients, reached),
        _callback_answers(settings),
        *_google(settings),
        _needing(reached, "Encryption", lambda: _sealing(database)) if vault.seals else _PLAIN,
        _needing(reached, "Alerts", lambda: check_alerts(alert_health())),
    )


def _try(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except PalEMailError as exc:
        return Finding(name=name, state=FindingState.BROKEN, detail=exc.message, remedy=exc.remedy)


def _needing(reached: Finding, name: str, check: Callable[[], Finding]) -> Finding:
    """Run a check that needs the database, if the database could be reached."""
    if reached.state is FindingState.OK:
        return _try(name, check)
    return Finding(name=name, state=FindingState.UNCHECKED, detail="needs the database")


def _database(database: Database) -> Finding:
    with database.statement() as connection:
        version = connection.exec_driver_sql("SHOW server_version").scalar_one()
    return Finding(
        name="Database", state=FindingState.OK, detail=f"Postgres {version} is reachable"
    )


def _database_clock(database: Database) -> Finding:
    """Compare clocks with Postgres: what hosts store is compared there with each other."""
    before = now()
    with database.statement() as connection:
        theirs = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    off = max((before - theirs).total_seconds(), (theirs - now()).total_seconds(), 0.0)
    name = "Database clock"
    if off <= _DATABASE_CLOCK_TOLERANCE:
        return Finding(
            name=name, state=FindingState.OK, detail=f"within {off:.0f} s of the database server's"
        )
    return Finding(
        name=name,
        state=FindingState.BROKEN,
        detail=f"this machine's clock is {off:.0f} s off from the database server's",
        remedy="Turn on NTP on this machine and on the database server. Until then, the times "
        "shown are wrong.",
    )


def _migrations(database: Database) -> Finding:
    if is_current(database):
        return Finding(name="Migrations", state=FindingState.OK, detail="all applied")
    return Finding(
        name="Migrations",
        state=FindingState.BROKEN,
        detail="the database schema is not up to date",
        remedy="Run `pal-e-mail migrate`.",
    )


def _client(database: Database, clients: OAuthClients) -> Finding:
    found = clients.current()
    if found is None:
        missing = no_client()
        with database.connection() as connection:
            row = connection.run(_NEEDS_CLIENT).fetchone()
        if row is not None and not row.needs_client:
            detail = "none is set up, and no sender needs the deployment's"
            return Finding(name="OAuth client", state=FindingState.NOTE, detail=detail)
        return Finding(
            name="OAuth client",
            state=FindingState.BROKEN,
            detail=missing.message,
            remedy=missing.remedy,
        )
    detail = f"{found.client_id}, from {found.source}"
    return Finding(name="OAuth client", state=FindingState.OK, detail=detail)


def _callback(settings: Settings, clients: OAuthClients, reached: Finding) -> Finding:
    name, address = "Callback address", settings.redirect_uri
    if not address.startswith("https://") and not is_loopback(address):
        return Finding(
            name=name,
            state=FindingState.BROKEN,
            detail=f"{address}: Google allows plain http for localhost only",
            remedy="Set PALEMAIL_PUBLIC_URL to the https address at which people open the admin "
            "page.",
        )
    listed = _listed(clients) if reached.state is FindingState.OK else None
    if listed is None:
        return Finding(
            name=name,
            state=FindingState.UNCHECKED,
            detail=f"{address}; only Google knows whether the OAuth client has it",
            remedy=f"In Google's console, make sure that exactly {address} is under Authorized "
            "redirect URIs.",
        )
    if address in listed:
        detail = f"{address}, which the OAuth client's file lists"
        return Finding(name=name, state=FindingState.OK, detail=detail)
    return Finding(
        name=name,
        state=FindingState.NOTE,
        detail=f"{address} is not in the OAuth client's file, which lists "
        f"{', '.join(listed) or 'no redirect URI'}",
        remedy=f"In Google's console, add exactly {address} under Authorized redirect URIs. If it "
        "is there already, download credentials.json again and store that; or, if the address is "
        "wrong, set PALEMAIL_PUBLIC_URL to the one that people open.",
    )


def _listed(clients: OAuthClients) -> tuple[str, ...] | None:
    """Return the redirect URIs that the client's file lists; None where that is not known."""
    try:
        client = clients.current()
    except PalEMailError:  # that is another check's finding
        return None
    return None if client is None else client.redirect_uris


def _callback_answers(settings: Settings) -> Finding:
    address = f"{settings.public_url.rstrip('/')}/healthz"
    name = "Callback reachable"
    try:
        status = urllib3.request("GET", address, timeout=_TIMEOUT, retries=False).status
    except HTTPError:
        status = None
    if status == 200:  # noqa: PLR2004
        return Finding(name=name, state=FindingState.OK, detail=f"{address} responds")
    return Finding(
        name=name,
        state=FindingState.BROKEN,
        detail=f"{address} does not respond from this machine",
        remedy="Start `pal-e-mail up`, or set PALEMAIL_PUBLIC_URL to the address where it runs.",
    )


def _google(settings: Settings) -> Iterator[Finding]:
    """Connect to Google as a refresh does, and compare clocks by its Date (RFC 9110, 6.6.1)."""
    try:
        with closing(Transport()) as transport:
            response = transport.post(
                settings.google_token_uri, b"", {}, deadline=Deadline(_TIMEOUT)
            )
    except GoogleFailure:
        yield Finding(
            name="Google",
            state=FindingState.BROKEN,
            detail=f"{settings.google_token_uri} cannot be reached",
            remedy="Check this machine's network and firewall. If it needs a proxy, set "
            "HTTPS_PROXY.",
        )
        return
    yield Finding(
        name="Google", state=FindingState.OK, detail=f"{settings.google_token_uri} responds"
    )
    try:
        off = abs((parsedate_to_datetime(response.headers.get("date", "")) - now()).total_seconds())
    except (TypeError, ValueError):
        return  # without a valid Date there is nothing to compare with
    if off <= _CLOCK_TOLERANCE:
        yield Finding(name="Clock", state=FindingState.OK, detail=f"within {off:.0f} s of Google's")
    else:
        yield Finding(
            name="Clock",
            state=FindingState.BROKEN,
            detail=f"{off:.0f} s off from Google's",
            remedy="Turn on NTP on this machine. A wrong clock makes tokens look expired or not "
            "yet valid.",
        )


def _sealing(database: Database) -> Finding:
    if all_sealed(database):
        detail = "everything secret is encrypted with PALEMAIL_ENCRYPTION_KEYS"
        return Finding(name="Encryption", state=FindingState.OK, detail=detail)
    return Finding(
        name="Encryption",
        state=FindingState.NOTE,
        detail="PALEMAIL_ENCRYPTION_KEYS is set, but what is stored unencrypted is still accepted",
        remedy="Once the server and all jobs have the keys, run `pal-e-mail rotate-keys`.",
    )


_PLAIN = Finding(
    name="Encryption",
    state=FindingState.NOTE,
    detail="tokens are stored unencrypted: anyone who can read the database can send as any sender",
    remedy="Set PALEMAIL_ENCRYPTION_KEYS here and for all jobs (`pal-e-mail rotate-keys --new` "
    "prints a key), then run `pal-e-mail rotate-keys`. If the database itself is encrypted, you "
    "may not need this.",
)

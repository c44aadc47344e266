"""Checks of the deployment, each with its remedy."""

from collections.abc import Callable, Iterator
from contextlib import closing
from email.utils import parsedate_to_datetime

import urllib3
from urllib3.exceptions import HTTPError

from mailcore.clock import now
from mailcore.errors import PalEMailError
from mailcore.google.failures import GoogleFailure
from mailcore.google.transport import Transport
from mailcore.grants.oauth_clients import NO_CLIENT, OAuthClients
from mailcore.settings import Settings, is_loopback
from mailcore.store.database import Database
from mailcore.store.migrate import is_current
from mailcore.values.checks import Finding, FindingState

#: By how many seconds this machine's clock may be off.
_CLOCK_TOLERANCE = 60
#: The same against Postgres', which is nearer: times of several hosts meet there.
_DATABASE_CLOCK_TOLERANCE = 5
#: Seconds to wait for an answer.
_PATIENCE = 3.0


def examine(settings: Settings, database: Database, clients: OAuthClients) -> tuple[Finding, ...]:
    """Look at everything that a re-auth and a send need.

    Args:
        settings: the environment.
        database: the database.
        clients: the OAuth client.

    Returns:
        A finding for each check; none raises.
    """
    reached = _try("Database", lambda: _database(database))
    return (
        reached,
        _behind(reached, "Database clock", lambda: _database_clock(database)),
        _behind(reached, "Migrations", lambda: _migrations(database)),
        _behind(reached, "OAuth client", lambda: _client(clients)),
        _callback(settings),
        _callback_answers(settings),
        *_google(settings),
        _encryption(settings),
    )


def _try(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except PalEMailError as exc:
        # A check sends nothing, so there is no need to say so.
        what, _, remedy = str(exc).replace(" Nothing was sent.", "").partition(". ")
        return Finding(name=name, state=FindingState.BROKEN, detail=what, remedy=remedy or None)


def _behind(reached: Finding, name: str, check: Callable[[], Finding]) -> Finding:
    """Check what needs the database, unless that has been found out of reach."""
    if reached.state is FindingState.OK:
        return _try(name, check)
    return Finding(name=name, state=FindingState.UNCHECKED, detail="it needs the database")


def _database(database: Database) -> Finding:
    with database.statement() as connection:
        version = connection.exec_driver_sql("SHOW server_version").scalar_one()
    return Finding(name="Database", state=FindingState.OK, detail=f"Postgres {version} answers")


def _database_clock(database: Database) -> Finding:
    """Compare clocks with Postgres: what hosts store is compared there with each other."""
    before = now()
    with database.statement() as connection:
        theirs = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    off = max((before - theirs).total_seconds(), (theirs - now()).total_seconds(), 0.0)
    name = "Database clock"
    if off <= _DATABASE_CLOCK_TOLERANCE:
        return Finding(name=name, state=FindingState.OK, detail=f"within {off:.0f} s of Postgres'")
    return Finding(
        name=name,
        state=FindingState.BROKEN,
        detail=f"this machine is {off:.0f} s off Postgres",
        remedy="Have the clocks of this machine and of the database server set by NTP: times "
        "that are shown and compared are wrong.",
    )


def _migrations(database: Database) -> Finding:
    if is_current(database):
        return Finding(name="Migrations", state=FindingState.OK, detail="all applied")
    return Finding(
        name="Migrations",
        state=FindingState.BROKEN,
        detail="the tables are not up to date",
        remedy="Run `pal-e-mail migrate`.",
    )


def _client(clients: OAuthClients) -> Finding:
    found = clients.current()
    if found is None:
        what, _, remedy = NO_CLIENT.partition(". ")
        return Finding(name="OAuth client", state=FindingState.BROKEN, detail=what, remedy=remedy)
    detail = f"{found.client_id}, from {found.source}"
    return Finding(name="OAuth client", state=FindingState.OK, detail=detail)


def _callback(settings: Settings) -> Finding:
    address = settings.redirect_uri
    if address.startswith("https://") or is_loopback(address):
        detail = f"{address}; Google's console must list exactly this"
        return Finding(name="Callback address", state=FindingState.OK, detail=detail)
    return Finding(
        name="Callback address",
        state=FindingState.BROKEN,
        detail=f"{address}: Google takes plain http for localhost only",
        remedy="Set PALEMAIL_PUBLIC_URL to the https address under which people reach this.",
    )


def _callback_answers(settings: Settings) -> Finding:
    address = f"{settings.public_url.rstrip('/')}/healthz"
    name = "Callback reachable"
    try:
        status = urllib3.request("GET", address, timeout=_PATIENCE, retries=False).status
    except HTTPError:
        status = None
    if status == 200:  # noqa: PLR2004
        return Finding(name=name, state=FindingState.OK, detail=f"{address} answers")
    return Finding(
        name=name,
        state=FindingState.BROKEN,
        detail=f"{address} does not answer from this machine",
        remedy="Start `pal-e-mail up`, or set PALEMAIL_PUBLIC_URL to where it runs.",
    )


def _google(settings: Settings) -> Iterator[Finding]:
    """Reach Google as a renewal does, and compare clocks by its answer (RFC 9110, 6.6.1)."""
    try:
        with closing(Transport()) as transport:
            answer = transport.post(settings.google_token_uri, b"", {}, timeout=_PATIENCE)
    except GoogleFailure:
        yield Finding(
            name="Google",
            state=FindingState.BROKEN,
            detail=f"{settings.google_token_uri} cannot be reached",
            remedy="Check this machine's network and firewall, and HTTPS_PROXY where it needs one.",
        )
        return
    yield Finding(
        name="Google", state=FindingState.OK, detail=f"{settings.google_token_uri} answers"
    )
    try:
        off = abs((parsedate_to_datetime(answer.headers.get("date", "")) - now()).total_seconds())
    except (TypeError, ValueError):
        return  # an answer without a Date, or a vague one, tells nothing of the clock
    if off <= _CLOCK_TOLERANCE:
        yield Finding(name="Clock", state=FindingState.OK, detail=f"within {off:.0f} s of Google's")
    else:
        yield Finding(
            name="Clock",
            state=FindingState.BROKEN,
            detail=f"{off:.0f} s off Google's",
            remedy="Have this machine's clock set by NTP: tokens look expired or not yet valid.",
        )


def _encryption(settings: Settings) -> Finding:
    if settings.encryption_keys:
        detail = "tokens are encrypted with PALEMAIL_ENCRYPTION_KEYS"
        return Finding(name="Encryption", state=FindingState.OK, detail=detail)
    return Finding(
        name="Encryption",
        state=FindingState.NOTE,
        detail="tokens are stored unencrypted: who can read the database can send as any sender",
        remedy="Set PALEMAIL_ENCRYPTION_KEYS, here and for the jobs (`pal-e-mail rotate-keys "
        "--new` prints a key), and run `pal-e-mail rotate-keys`; or leave it, if the database "
        "has encryption of its own.",
    )

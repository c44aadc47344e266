"""Reading gmail-sdk's token files. They are read, never written.

A directory holds ``credentials.json`` (the OAuth client) and ``gmail-{account}.json`` with
``{access_token, refresh_token, expires_at (epoch seconds), scope, …}``. google-auth's
"authorized user" JSON, which brings its own client, is accepted too.
"""

import errno
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mailcore.errors import ConfigurationError
from mailcore.google.credentials import Grant, OAuthClient


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyToken:
    """A grant found in a file, and the client that it was given to."""

    file: str
    account: str
    grant: Grant
    client: OAuthClient


def find(directory: Path, names: tuple[str, ...]) -> LegacyToken | None:
    """Return the first of the files ``gmail-{name}.json`` that is there.

    Args:
        directory: gmail-sdk's secrets directory; ``~`` is expanded.
        names: accounts by which the file may be called, best first.

    Raises:
        ConfigurationError: a file is there and cannot be used.
    """
    for name in names:
        try:
            path = directory.expanduser() / f"gmail-{name}.json"
        except RuntimeError:  # "~" of a user without a home
            return None
        try:
            found = path.is_file()
        except OSError as exc:  # no right to look, or too long for a file's name
            if exc.errno == errno.ENAMETOOLONG:
                continue
            raise _unusable(path) from exc
        if found:
            return read(path)
    return None


def files(directory: Path) -> Iterator[Path]:
    """Yield every token file of a directory, by name.

    Raises:
        ConfigurationError: it is no directory.
    """
    if not directory.expanduser().is_dir():
        raise ConfigurationError(f"{directory} is not a directory, or cannot be read.")
    yield from sorted(directory.expanduser().glob("gmail-*.json"))


def read(path: Path) -> LegacyToken:
    """Read one token file.

    Raises:
        ConfigurationError: it cannot be read, is no token file, or its client is missing.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        grant = _grant(document)
    except (OSError, ValueError, TypeError, AttributeError, OverflowError) as exc:
        raise _unusable(path) from exc
    if grant.refresh_token is None:
        raise ConfigurationError(
            f"{path} holds no refresh token, so it would stop working within the hour.",
            remedy="Authorise the sender instead.",
        )
    return LegacyToken(
        file=path.name,
        account=path.stem.removeprefix("gmail-"),
        grant=grant,
        client=_client(document, path.with_name("credentials.json")),
    )


def _unusable(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{path} is not a usable Gmail token file.",
        remedy="Authorise the sender instead, or remove the file.",
    )


def _grant(document: dict[str, Any]) -> Grant:
    scope = document.get("scope") or document.get("scopes") or ()
    return Grant(
        refresh_token=document.get("refresh_token") or None,
        access_token=document.get("access_token") or document.get("token") or None,
        access_expires_at=_expires_at(document),
        scopes=tuple(scope.split() if isinstance(scope, str) else scope),
    )


def _expires_at(document: dict[str, Any]) -> datetime | None:
    """Convert gmail-sdk's epoch seconds, or google-auth's naive UTC text."""
    if document.get("expires_at"):
        return datetime.fromtimestamp(float(document["expires_at"]), UTC)
    if document.get("expiry"):
        expiry = datetime.fromisoformat(document["expiry"])
        return expiry.astimezone(UTC) if expiry.tzinfo else expiry.replace(tzinfo=UTC)
    return None


def _client(document: dict[str, Any], beside: Path) -> OAuthClient:
    if document.get("client_id") and document.get("client_secret"):
        return OAuthClient(client_id=document["client_id"], client_secret=document["client_secret"])
    try:
        text = beside.read_text(encoding="utf-8")
    except (OSError, ValueError) as exc:
        raise ConfigurationError(
            f"{beside} cannot be read. The token files in that directory need their OAuth client.",
            remedy="Put it there, or authorise the sender instead.",
        ) from exc
    return OAuthClient.from_json(text, source=str(beside))

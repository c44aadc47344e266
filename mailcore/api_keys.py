"""API keys: what each may do, for which senders. Only a key's hash is kept."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

#: Characters. What `new_key` makes has 43, of 256 random bits.
MIN_KEY_LENGTH = 32
_SENDERS = re.compile(r"[a-z0-9._*-]+")


class ApiScope(StrEnum):
    """What a key may do. ``admin`` may do everything."""

    READ = "read"
    SEND = "send"
    #: Only the metrics.
    METRICS = "metrics"
    #: Only the calendar; a calendar's address carries its key.
    CALENDAR = "calendar"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key of the JSON API.

    Attributes:
        digest: the key's SHA-256; of a long random key that is enough.
        scopes: what it may do.
        senders: patterns of the aliases that it may do it with; ``*`` matches any characters.
    """

    digest: bytes = field(repr=False)
    scopes: frozenset[ApiScope] = frozenset({ApiScope.ADMIN})
    senders: tuple[str, ...] = ("*",)

    def may(self, scope: ApiScope) -> bool:
        """Say whether the key has a scope."""
        return bool(self.scopes & {scope, ApiScope.ADMIN})

    @property
    def is_for_all_senders(self) -> bool:
        """Whether it may be used for every sender."""
        return "*" in self.senders

    def may_use(self, alias: str) -> bool:
        """Say whether the key is for a sender, existing or not."""
        return any(fnmatchcase(alias, pattern) for pattern in self.senders)


def new_key() -> str:
    """Return a fresh random key."""
    return secrets.token_urlsafe(32)


def digest_of(key: str) -> bytes:
    """Return what is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def find_key(keys: Mapping[str, ApiKey], sent: str) -> tuple[str, ApiKey] | None:
    """Return the label and the key that a caller has sent, or None.

    It is compared with every key, each in constant time, so that timing tells nothing.

    Args:
        keys: the deployment's, by their labels.
        sent: what the caller sent.
    """
    digest = digest_of(sent)
    matching = [
        (label, key) for label, key in keys.items() if hmac.compare_digest(key.digest, digest)
    ]
    return matching[0] if matching else None


def parse(text: str) -> dict[str, ApiKey]:
    """Read ``LABEL:KEY`` or ``LABEL/SCOPES/SENDERS:KEY``, comma-separated.

    Args:
        text: such as ``ci:…,app/send/billing-*:…,grafana/read:…``. Scopes and sender patterns
            are each joined by ``+``. Without scopes a key may do everything, without patterns
            with every sender. A single key needs no label, and is called ``api``.

    Returns:
        The keys by their labels.

    Raises:
        ValueError: it cannot be read; the text says why, and holds no key.
    """
    keys: dict[str, ApiKey] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, separator, key = part.partition(":")
        if not separator:
            name, key = "api", part
        label, _, limits = name.partition("/")
        if not (label and key):
            raise ValueError("has an empty key or label")
        if label in keys:
            raise ValueError(f"has two keys called {label!r}")
        if len(key) < MIN_KEY_LENGTH:
            raise ValueError(
                f"has a key of fewer than {MIN_KEY_LENGTH} characters. Make one with: "
                "pal-e-mail new-api-key"
            )
        keys[label] = _limited(label, limits, digest_of(key))
    return keys


def _limited(label: str, limits: str, digest: bytes) -> ApiKey:
    scopes, _, senders = limits.partition("/")
    patterns = tuple(senders.split("+")) if senders else ("*",)
    if not all(_SENDERS.fullmatch(pattern) for pattern in patterns):
        raise ValueError(f"has sender patterns for {label!r} that no alias can match")
    try:
        chosen = frozenset(ApiScope(scope) for scope in (scopes or "admin").split("+"))
    except ValueError as exc:
        known = ", ".join(ApiScope)
        raise ValueError(f"gives {label!r} a scope other than {known}") from exc
    return ApiKey(digest=digest, scopes=chosen, senders=patterns)

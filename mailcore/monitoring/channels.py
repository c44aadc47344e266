"""Where alerts go: channels from the environment, and those entered on the Setup page."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from urllib.parse import quote

from mailcore.alert_urls import AlertUrl, parse_one, parse_url
from mailcore.errors import InvalidAlertChannel
from mailcore.monitoring.notices import LIVE
from mailcore.store.connection import Connection
from mailcore.store.encryption import Vault
from mailcore.store.sealed_columns import ALERT_CHANNEL
from mailcore.values.alerts import SILENT_AFTER, AlertChannel

#: Who set up a channel that is in the environment.
ENVIRONMENT = "PALEMAIL_ALERT_URLS"
#: Workers say that often which channels they have: often enough for `LIVE`.
_ANNOUNCE_EVERY = SILENT_AFTER / 3
#: Digits of a fingerprint that tell two channels of a kind apart.
_SHOWN = 6

_ANNOUNCE = """
    INSERT INTO alert_channel
        (fingerprint, label, urgent_only, project, created_at, created_by, seen_at)
    VALUES (%(fingerprint)s, %(label)s, %(urgent_only)s, %(project)s, now(), %(by)s, now())
    ON CONFLICT (fingerprint) DO UPDATE SET seen_at = now(), url = NULL, removed_at = NULL,
                                            created_by = %(by)s
    WHERE alert_channel.removed_at IS NOT NULL
       OR coalesce(alert_channel.seen_at < now() - %(every)s, true)
"""
_ADD = """
    INSERT INTO alert_channel
        (fingerprint, label, url, urgent_only, project, created_at, created_by)
    VALUES (%(fingerprint)s, %(label)s, %(url)s, %(urgent_only)s, %(project)s, now(), %(by)s)
    ON CONFLICT (fingerprint) DO UPDATE
    SET url = %(url)s, removed_at = NULL, seen_at = NULL, created_by = %(by)s, created_at = now(),
        failures = 0, failing_since = NULL, error_text = NULL, next_try_at = NULL
    WHERE alert_channel.removed_at IS NOT NULL
       OR alert_channel.seen_at < now() - %(forgotten)s
    RETURNING id
"""
_REMOVE = """
    UPDATE alert_channel SET removed_at = now(), url = NULL
    WHERE id = %(id)s AND removed_at IS NULL AND url IS NOT NULL
    RETURNING id
"""
#: Mail needs a sender of another project than the alert's, whichever that is.
_LACKS_SENDER = """(
    SELECT count(DISTINCT coalesce('project ' || project, 'sender ' || alias)) < 2
    FROM sender WHERE status = 'healthy' AND paused_at IS NULL
)"""
_LIST = f"""
    SELECT id, label, urgent_only, project, url IS NULL AS from_environment, created_by,
           last_sent_at, failing_since, error_text, fingerprint, url,
           label LIKE 'mail to %%' AND {_LACKS_SENDER} AS lacks_sender
    FROM alert_channel AS channel WHERE {LIVE}
    ORDER BY created_at, id
"""  # noqa: S608 - of constants
_ONE = """
    SELECT id, label, fingerprint, url FROM alert_channel
    WHERE id = %(id)s AND removed_at IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A channel that can be called.

    Attributes:
        id: its row.
        label: its URL without what is secret in it.
        url: where it is.
    """

    id: int
    label: str
    url: AlertUrl = field(repr=False)


class Channels:
    """Knows the channels' URLs.

    Args:
        from_environment: the channels of PALEMAIL_ALERT_URLS, as this process has it.
        vault: seals the others.
        find_key: returns the key that fingerprints are made with.
    """

    def __init__(
        self,
        from_environment: tuple[AlertUrl, ...],
        vault: Vault,
        find_key: Callable[[], bytes],
    ) -> None:
        self._from_environment = from_environment
        self._vault = vault
        self._find_key = find_key

    @cached_property
    def _by_fingerprint(self) -> dict[str, AlertUrl]:
        return {self._fingerprint(url): url for url in self._from_environment}

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """The fingerprints of the channels in this process's environment."""
        return tuple(self._by_fingerprint)

    def announce(self, connection: Connection) -> None:
        """Note which channels this process has in its environment.

        Raises:
            ConfigurationError: no key opens the stored secrets.
        """
        for fingerprint, url in self._by_fingerprint.items():
            values = self._columns(fingerprint, url, by=ENVIRONMENT)
            connection.run(_ANNOUNCE, {**values, "every": _ANNOUNCE_EVERY})

    def add(
        self,
        connection: Connection,
        text: str,
        *,
        urgent_only: bool,
        project: str | None,
        by: str,
    ) -> int:
        """Add a channel; see `monitoring.alerts.Alerts.add_channel`."""
        try:
            url = replace(parse_url(text.strip()), urgent_only=urgent_only, project=project)
        except ValueError as exc:
            raise InvalidAlertChannel(
                f"This is no channel for alerts: it {exc}.",
                remedy="Enter a URL as Apprise documents it for the service, or palemail:// and "
                "an address.",
            ) from exc
        fingerprint = self._fingerprint(url)
        place = ALERT_CHANNEL.at(fingerprint)
        values = self._columns(fingerprint, url, by=by)
        values |= {"url": self._vault.seal(_written(url), place), "forgotten": SILENT_AFTER}
        row = connection.run(_ADD, values).fetchone()
        if row is None:
            raise InvalidAlertChannel("There already is a channel with this URL.")
        return int(row.id)

    def remove(self, connection: Connection, channel_id: int) -> None:
        """Remove a channel that was added; see `monitoring.alerts.Alerts.remove_channel`."""
        if connection.run(_REMOVE, {"id": channel_id}).fetchone() is None:
            raise InvalidAlertChannel(
                "This channel is already gone, or comes from PALEMAIL_ALERT_URLS.",
                remedy="Channels from PALEMAIL_ALERT_URLS are removed there.",
            )

    def list(self, connection: Connection) -> tuple[AlertChannel, ...]:
        """Return all channels, in the order in which they were set up."""
        return tuple(
            AlertChannel(
                id=row.id,
                label=row.label,
                urgent_only=row.urgent_only,
                project=row.project,
                from_environment=row.from_environment,
                created_by=row.created_by,
                last_sent_at=row.last_sent_at,
                failing_since=row.failing_since,
                error=row.error_text,
                lacks_sender=row.lacks_sender,
            )
            for row in connection.run(_LIST)
        )

    def target(self, connection: Connection, channel_id: int) -> Target:
        """Return a channel with its URL.

        Raises:
            InvalidAlertChannel: there is none, or only another process has its URL.
            ConfigurationError: no key opens it.
        """
        row = connection.run(_ONE, {"id": channel_id}).fetchone()
        if row is None:
            raise InvalidAlertChannel("This channel was removed.")
        if row.url is not None:
            place = ALERT_CHANNEL.at(row.fingerprint)
            url = parse_one(self._vault.open(row.url, place))
        elif row.fingerprint in self._by_fingerprint:
            url = self._by_fingerprint[row.fingerprint]
        else:
            raise InvalidAlertChannel(
                f"The URL of {row.label} is in the environment of another process.",
                remedy="Set PALEMAIL_ALERT_URLS to the same value everywhere.",
            )
        return Target(id=row.id, label=row.label, url=url)

    def _columns(self, fingerprint: str, url: AlertUrl, *, by: str) -> dict[str, object]:
        return {
            "fingerprint": fingerprint,
            "label": _label(url, fingerprint),
            "urgent_only": url.urgent_only,
            "project": url.project,
            "by": by,
        }

    def _fingerprint(self, url: AlertUrl) -> str:
        return hmac.new(self._find_key(), _written(url).encode(), hashlib.sha256).hexdigest()


def _written(url: AlertUrl) -> str:
    """Return a URL as `parse_one` reads it."""
    project = url.project and f"project={quote(url.project, safe='')}"
    return " ".join(filter(None, ("urgent" if url.urgent_only else None, project, url.url)))


def _label(url: AlertUrl, fingerprint: str) -> str:
    """Return what may be shown: in most services' URLs, everything after the scheme is secret."""
    if url.mail_address is not None:
        return f"mail to {url.mail_address}"
    return f"{url.url.partition('://')[0].lower()}://… ({fingerprint[:_SHOWN]})"

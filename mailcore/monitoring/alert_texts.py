"""From alerts to a message: what is wrong as it is now, and the link that helps."""

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from mailcore.clock import now
from mailcore.errors import SenderNotFound
from mailcore.monitoring import digest
from mailcore.monitoring.digest import MOST_ITEMS, Item, Message
from mailcore.monitoring.notices import Batch
from mailcore.reauth.tickets import Tickets
from mailcore.senders.descriptions import describe_age, describe_grant, describe_messages
from mailcore.senders.registry import SenderRegistry
from mailcore.store.connection import Connection
from mailcore.values.alerts import FIXED_BY_REAUTH, AlertKind
from mailcore.values.senders import Sender

#: Who issues the links in alerts, for the audit trail.
BY = "alert"

_ALERTS = "SELECT id, kind, alias, detail FROM alert WHERE id = ANY(%(ids)s) ORDER BY alias, id"


class AlertTexts:
    """Composes messages.

    Args:
        public_url: the address of the senders page.
        senders: says how each sender is now.
        tickets: issues the links.
        find_key: returns the key that links are derived from, so that trying the same alert again
            makes no second one.
    """

    def __init__(
        self,
        public_url: str,
        senders: SenderRegistry,
        tickets: Tickets,
        find_key: Callable[[], bytes],
    ) -> None:
        self._home = f"{public_url.rstrip('/')}/"
        self._senders = senders
        self._tickets = tickets
        self._find_key = find_key

    def message(self, connection: Connection, batch: Batch) -> Message:
        """Return a batch's message.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached.
        """
        raised = self._read(connection, batch.raised)
        order = digest.worst_first({AlertKind(row.kind) for row in raised})
        raised.sort(key=lambda row: order.index(AlertKind(row.kind)))
        counts = Counter(AlertKind(row.kind) for row in raised)
        at = now()
        items = [self._item(row, batch, at) for row in raised[:MOST_ITEMS]]
        resolved = dict.fromkeys(row.alias for row in self._read(connection, batch.resolved))
        return digest.compose(batch.project, counts, items, list(resolved), home=self._home)

    def test_message(self) -> Message:
        """Return what a test sends."""
        item = Item(
            kind=AlertKind.EXPIRING,
            alias="example",
            account=None,
            text="is no sender: this is a test of pal-e-mail's alerts.",
            action="Open the senders page",
            url=self._home,
        )
        counts = Counter({AlertKind.EXPIRING: 1})
        message = digest.compose(None, counts, [item], [], home=self._home)
        return Message(title="pal-e-mail: a test", text=message.text, html=message.html)

    def _read(self, connection: Connection, ids: Sequence[int]) -> list[Any]:
        return connection.run(_ALERTS, {"ids": list(ids)}).fetchall() if ids else []

    def _item(self, row: Any, batch: Batch, at: datetime) -> Item:
        kind = AlertKind(row.kind)
        try:
            sender = self._senders.get(row.alias)
        except SenderNotFound:
            sender = None
        action, url = self._action(row, batch, sender)
        return Item(
            kind=kind,
            alias=row.alias,
            account=sender.gmail_account if sender else None,
            text=describe(kind, sender, row.detail, at) if sender else "was deleted.",
            action=action,
            url=url,
        )

    def _action(self, row: Any, batch: Batch, sender: Sender | None) -> tuple[str, str]:
        """Return what to do about an alert, and where."""
        if sender is None:
            return "Open the senders page", self._home
        if row.kind in FIXED_BY_REAUTH and sender.gmail_account:
            return "Re-authorise", self._link(row, batch)
        if row.kind == AlertKind.PROBLEM:
            return "Open Setup", f"{self._home}setup"
        return "Open the sender", f"{self._home}sender?sender={quote(sender.alias)}"

    def _link(self, row: Any, batch: Batch) -> str:
        """Return a link that lets whoever has it re-authorise, for this channel and alert."""
        purpose = f"link {row.id} {batch.channel_id}".encode()
        secret = hmac.new(self._find_key(), purpose, hashlib.sha256).hexdigest()
        return str(self._tickets.issue(row.alias, by=BY, secret=secret).url)


def describe(kind: AlertKind, sender: Sender, detail: str | None, at: datetime) -> str:
    """Return what an alert says of a sender, to follow its name.

    Args:
        kind: what the alert is about.
        sender: as it is now.
        detail: the alert's.
        at: the current time, aware.
    """
    queued = describe_messages(sender.queued)
    since = sender.queued_since
    match kind:
        case AlertKind.EXPIRING | AlertKind.ABOUT_TO_EXPIRE | AlertKind.EXPIRED | AlertKind.BLOCKED:
            waiting = f" {queued} waiting for this." if sender.queued else ""
            return f"{describe_grant(sender, at)}.{waiting}"
        case AlertKind.PROBLEM:
            return f"and senders like it cannot send: {detail}"
        case AlertKind.UNKNOWN_OUTCOME:
            count = describe_messages(sender.unknown)
            return f"has {count} of which nobody knows whether Gmail sent them. Please decide."
        case AlertKind.WAITING:
            age = f", the first since {describe_age(since, at)}" if since else ""
            return f"has {queued} waiting{age}."
        case AlertKind.LAPSED:
            return "has given up messages that could not be sent in time."

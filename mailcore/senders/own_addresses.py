"""As whom a sender may send: read by itself, since it is asked for each message that names one."""

from typing import NamedTuple

from mailcore.senders.picture import no_sender
from mailcore.senders.validation import ALIAS_PATTERN
from mailcore.store.connection import Connection

#: Its columns are those of `OwnAddresses`.
READ_OWN_ADDRESSES = "SELECT gmail_account, send_as FROM sender WHERE alias = %(alias)s"


class OwnAddresses(NamedTuple):
    """A sender's addresses.

    Attributes:
        account: its mailbox, or None where that is not known.
        send_as: the further addresses that an admin has given.
    """

    account: str | None
    send_as: tuple[str, ...]


def read_own_addresses(connection: Connection, alias: str) -> OwnAddresses:
    """Return a sender's addresses.

    Raises:
        SenderNotFound: no sender has that alias.
    """
    row = None
    if ALIAS_PATTERN.fullmatch(alias):  # Postgres would choke on some of what cannot be one
        row = connection.run(READ_OWN_ADDRESSES, {"alias": alias}).fetchone()
    if row is None:
        raise no_sender(alias)
    return OwnAddresses(row.gmail_account, tuple(row.send_as))

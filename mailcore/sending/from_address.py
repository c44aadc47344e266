"""A From that the caller has given: it has to be the sender's own."""

from collections.abc import Collection
from email.parser import BytesHeaderParser
from email.utils import parseaddr

from mailcore.errors import InvalidMessage
from mailcore.message.compose import ComposedMessage

#: What a message begins with whose From was given when it was composed.
_FROM = b"From: "


def has_from(message: ComposedMessage) -> bool:
    """Say whether a message was composed with From: otherwise its sender's is put on top."""
    return message.raw.startswith(_FROM)


def check_from(
    message: ComposedMessage, *, alias: str, account: str | None, send_as: Collection[str]
) -> None:
    """Refuse a message that Gmail would send from another address than its From.

    Args:
        message: with From.
        alias: the sender.
        account: its mailbox, or None where that is not known.
        send_as: the further addresses that an admin has given.

    Raises:
        InvalidMessage: its From is none of them.
    """
    head = message.raw.partition(b"\r\n\r\n")[0]
    address = parseaddr(BytesHeaderParser().parsebytes(head)["From"])[1]
    own = [each for each in (account, *send_as) if each is not None]
    if address.casefold() not in {each.casefold() for each in own}:
        raise InvalidMessage(
            f"Sender {alias!r} may not send as {address}, only as {', '.join(own) or 'nobody'}.",
            remedy="If the account may send as that address, add it on the sender's page or with "
            f"`pal-e-mail senders send-as {alias} {address}`.",
            field="from_address",
            alias=alias,
        )

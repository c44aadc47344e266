"""A message that goes out through another sender than its own: From changes, answers don't."""

from dataclasses import replace

from mailcore.message.compose import ComposedMessage
from mailcore.message.headers import mailbox_header

_FROM, _REPLY_TO = b"from:", b"\r\nreply-to:"


def for_other_sender(message: ComposedMessage, *, account: str | None) -> ComposedMessage:
    """Return a message without From, whose answers go to the first sender's account.

    Args:
        message: as it is stored.
        account: that account; None where it is not known.
    """
    raw = message.raw
    if raw[: len(_FROM)].lower() == _FROM:
        # Its lines end where one begins that continues no other.
        head, _, raw = raw.partition(b"\r\n")
        while raw[:1] in {b" ", b"\t"}:
            head, _, raw = raw.partition(b"\r\n")
    head = b"\r\n" + raw.partition(b"\r\n\r\n")[0].lower()
    if account is not None and _REPLY_TO not in head:
        raw = mailbox_header("Reply-To", [("", account)]).encode("ascii") + b"\r\n" + raw
    return replace(message, raw=raw)

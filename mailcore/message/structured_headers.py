"""Custom headers with a grammar of their own, in which not everything may be encoded.

An encoded word may replace a word of a displayed name, never an address or a link
(RFC 2047 section 5).
"""

import re
from collections.abc import Callable
from typing import Final

from mailcore.errors import InvalidMessage
from mailcore.message.addresses import parse_addresses
from mailcore.message.headers import LONGEST_LINE, header, mailbox_header, phrase, shortened

_LIST_ID = re.compile(r"(?P<phrase>[^<>]*+)<(?P<id>[!-;=?-~]{1,255})>")
_VISIBLE_ASCII = re.compile(r"[ -~]*")
_BETWEEN_WORDS = re.compile(r"(?<=\S) (?=\S)")


def _mailboxes(name: str, text: str) -> str:
    mailboxes = parse_addresses(text, field="headers")
    if not mailboxes:
        raise InvalidMessage(
            f"headers: {name} contains no address.",
            remedy='Write it as "Ann Lee <ann@example.com>", or leave the header out.',
            field="headers",
        )
    return mailbox_header(name, ((each.name, each.address) for each in mailboxes))


def _one_mailbox(name: str, text: str) -> str:
    if len(parse_addresses(text, field="headers")) > 1:
        raise InvalidMessage(
            f"headers: {name} must be one address (RFC 5322).",
            remedy="Give one, or leave the header out.",
            field="headers",
        )
    return _mailboxes(name, text)


def _list_id(name: str, text: str) -> str:
    """RFC 2919: ``Disk alerts <alerts.example.com>``."""
    parsed = _LIST_ID.fullmatch(text)
    if parsed is None:
        raise InvalidMessage(
            f"headers: {shortened(text)} is not a {name} (RFC 2919).",
            remedy='Write it as "Disk alerts <alerts.example.com>", the part in brackets in ASCII.',
            field="headers",
        )
    displayed = parsed["phrase"].strip()
    words = phrase(displayed, name) if displayed else []
    return header(name, [*words, f"<{parsed['id']}>"])


def _ascii(name: str, text: str) -> str:
    """Links, dates and keywords, which no program decodes."""
    words = _BETWEEN_WORDS.split(text)
    if not _VISIBLE_ASCII.fullmatch(text) or max(map(len, words)) >= LONGEST_LINE:
        raise InvalidMessage(
            f"headers: {name} must be ASCII, and without a word of {LONGEST_LINE} characters "
            "or more, as it can't be encoded (RFC 2047).",
            remedy="Percent-encode links, and shorten those that are too long.",
            field="headers",
        )
    return header(name, words)


#: How these headers are written, by their names in lower case.
STRUCTURED: Final[dict[str, Callable[[str, str], str]]] = {
    "sender": _one_mailbox,
    **dict.fromkeys(
        (
            "disposition-notification-to",
            "return-receipt-to",
            "errors-to",
            "x-confirm-reading-to",
            "mail-followup-to",
            "mail-reply-to",
        ),
        _mailboxes,
    ),
    "list-id": _list_id,
    **dict.fromkeys(
        (
            "list-unsubscribe",
            "list-unsubscribe-post",
            "list-subscribe",
            "list-help",
            "list-post",
            "list-owner",
            "list-archive",
            "auto-submitted",
            "autocrypt",
            "precedence",
            "importance",
            "priority",
            "x-priority",
            "expires",
            "reply-by",
        ),
        _ascii,
    ),
}

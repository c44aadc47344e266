"""Addresses as people write them → mailboxes as Gmail takes them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from functools import lru_cache
from typing import TypeAlias

from email_validator import EmailNotValidError, validate_email

from mailcore.errors import InvalidMessage
from mailcore.message.headers import header_text, shortened

#: ``"a@example.com"``, ``"Ann <a@example.com>"``, ``"a@example.com, b@example.com"``, or a
#: list of those and of ``(name, address)`` pairs. A text may hold what RFC 5322 allows: names in
#: quotes or in encoded words, a comment as the name, or one group, whose members are taken.
Addresses: TypeAlias = str | Sequence[str | tuple[str, str]]

# Each piece ends in one way only and is never read twice, so that no text takes long:
# possessive quantifiers (`*+`) keep a quote that never ends from being tried again.
_QUOTED = r'"(?:[^"\\]|\\.)*+"'
_COMMENT = r"\([^()]*+\)"
_TOKEN = re.compile(rf'{_QUOTED}|"|{_COMMENT}|,|[^",(]++|\(')
_NAMED = re.compile(
    rf"(?:(?P<quoted>{_QUOTED})\s*+|(?P<plain>[^\"<>]*+))<(?P<address>(?:{_QUOTED}|[^<>\"])*+)>"
)
_COMMENTED = re.compile(r"(?P<address>[^<>\"()]*+)\((?P<comment>[^()]*+)\)")
_GROUP = re.compile(rf"(?:{_QUOTED}|[^\":,;<>@(])*+:(?P<members>.*);", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)")
_ENCODED_WORD = r"=\?[^?\s]++\?[bqBQ]\?[^?\s]*+\?="
_ENCODED_IN_NAME = re.compile(rf"(?<!\S){_ENCODED_WORD}(?!\S)")
_LIKE_ENCODED_WORD = re.compile(r"=\?[^?]*\?[^?]*\?[^?]*\?=")

_HOW_TO_WRITE = 'Write it as ann@example.com, or as "Ann Lee" <ann@example.com>.'


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A recipient or a sender (RFC 5322 section 3.4).

    Attributes:
        name: what people see; empty where there is none.
        address: ASCII, the domain in its IDNA form.
    """

    name: str
    address: str


def parse_addresses(value: Addresses | None, *, field: str) -> list[Mailbox]:
    """Return every mailbox that an argument names, in order.

    Args:
        value: see `Addresses`; None names none.
        field: the argument's name, for errors.

    Raises:
        InvalidMessage: one of them is unusable; the text says which, and why.
    """
    if value is None:
        return []
    if isinstance(value, str):
        return _parse_list(value, field)
    if not isinstance(value, Sequence) or isinstance(value, bytes | bytearray | memoryview):
        raise InvalidMessage(
            f"{field} must be a str or a list of str, not {type(value).__name__}.",
            remedy=_HOW_TO_WRITE,
            field=field,
        )
    mailboxes: list[Mailbox] = []
    for item in value:
        match item:
            case (name, address):
                mailboxes.append(_mailbox(name or "", address, field))
            case _:
                mailboxes += _parse_list(item, field)
    return mailboxes


def display_name(value: str, *, field: str) -> str:
    """Return the name that people are to see, without surrounding spaces.

    Raises:
        InvalidMessage: it could not be written into a header.
    """
    name = header_text(value, field=field, what=f"a name in {field}").strip()
    if "\t" in name:
        raise InvalidMessage(
            f"a name in {field} contains a tab, which mail programs don't show: {shortened(name)}.",
            remedy="Replace it with a space.",
            field=field,
        )
    return name


def mail_address(value: str, *, field: str) -> str:
    """Return the bare address in ASCII.

    Raises:
        InvalidMessage: it is not an address, or Gmail can't send to it.
    """
    address = header_text(value, field=field, what=f"an address in {field}").strip()
    try:
        normalised = _normalised(address)
    except EmailNotValidError as exc:
        raise InvalidMessage(
            f"{field}: {shortened(address)} is not an email address that Gmail can send to. {exc}",
            remedy=_HOW_TO_WRITE,
            field=field,
        ) from exc
    if "=?" in normalised and _LIKE_ENCODED_WORD.search(normalised):
        raise InvalidMessage(
            f"{field}: {shortened(address)} looks encoded, and mail programs would read it as "
            "another address (RFC 2047).",
            remedy=_HOW_TO_WRITE,
            field=field,
        )
    return normalised


def _parse_list(text: str, field: str) -> list[Mailbox]:
    text = header_text(text, field=field, what=f"an address in {field}").strip()
    if text.endswith(";") and (group := _GROUP.fullmatch(text)):
        text = group["members"]
    pieces = _split(text, field) if '"' in text or "(" in text else text.split(",")
    return [_parse_one(piece.strip(), field) for piece in pieces if piece.strip()]


def _split(text: str, field: str) -> list[str]:
    """Split at the commas that stand neither in quotes nor in a comment."""
    pieces: list[list[str]] = [[]]
    for found in _TOKEN.finditer(text):  # none is looked for beyond a quote that never ends
        part = found[0]
        if part == '"':
            raise InvalidMessage(
                f'{field}: {shortened(text)} has a quote (") that is never closed.',
                remedy=_HOW_TO_WRITE,
                field=field,
            )
        if part == ",":
            pieces.append([])
        else:
            pieces[-1].append(part)
    return ["".join(piece) for piece in pieces]


def _parse_one(text: str, field: str) -> Mailbox:
    if named := _NAMED.fullmatch(text):
        quoted, plain, address = named.group("quoted", "plain", "address")
        name = _decoded(plain, field) if quoted is None else _ESCAPED.sub(r"\1", quoted[1:-1])
        return _mailbox(name, address, field)
    if commented := _COMMENTED.fullmatch(text):
        name, address = commented["comment"], commented["address"]
        return _mailbox(_decoded(_ESCAPED.sub(r"\1", name), field), address, field)
    return Mailbox("", mail_address(text, field=field))


def _decoded(name: str, field: str) -> str:
    """Return a name of which words were encoded, as `email` writes it (RFC 2047 section 5(3))."""
    if "=?" not in name or not name.isascii() or not _ENCODED_IN_NAME.search(name):
        return name
    try:
        return str(make_header(decode_header(name.strip())))
    except (LookupError, UnicodeError, HeaderParseError) as exc:
        raise InvalidMessage(
            f"{field}: the encoded name {shortened(name.strip())} can't be decoded: {exc}.",
            remedy='Give the name and the address as a pair, such as ("Jörg", "j@example.com").',
            field=field,
        ) from exc


def _mailbox(name: str, address: str, field: str) -> Mailbox:
    return Mailbox(display_name(name, field=field), mail_address(address, field=field))


@lru_cache(maxsize=4096)
def _normalised(address: str) -> str:
    """Return the address in ASCII. Cached, for a job writes to the same people again.

    ``test_environment`` allows the reserved ``.test`` (RFC 6761), which staging systems
    and stand-ins for Gmail use. A local part outside ASCII would need SMTPUTF8 all the way,
    which Gmail's API does not promise, so it is refused.
    """
    valid = validate_email(
        address,
        allow_quoted_local=True,
        allow_smtputf8=False,
        check_deliverability=False,
        strict=True,
        test_environment=True,
    )
    if valid.ascii_email is None:
        raise EmailNotValidError("The part before the @-sign must be ASCII.")
    return valid.ascii_email

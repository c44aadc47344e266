"""Addresses as people write them → mailboxes as Gmail takes them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from email_validator import EmailNotValidError, validate_email

from mailcore.errors import InvalidMessage
from mailcore.message.headers import header_text, shortened

#: ``"a@example.com"``, ``"Ann <a@example.com>"``, ``"a@example.com, b@example.com"``, or a
#: list of those and of ``(name, address)`` pairs.
Addresses: TypeAlias = str | Sequence[str | tuple[str, str]]

# A comma inside a quoted name separates nothing.
_BETWEEN_COMMAS = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^,])+')
_NAMED = re.compile(r'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^"<>]*))\s*<(?P<address>[^<>]*)>')
_ESCAPED = re.compile(r"\\(.)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A recipient or a sender.

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
            f"{field} must be a str or a list of str, not {type(value).__name__}", field=field
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
    """Return the name that people shall see, without surrounding spaces.

    Raises:
        InvalidMessage: it could not be written into a header.
    """
    name = header_text(value, field=field, what=f"a name in {field}").strip()
    if found := _CONTROL.search(name):
        raise InvalidMessage(
            f"a name in {field} holds U+{ord(found[0]):04X}, a control character that no "
            f"mail program shows: {shortened(name)}. Remove it.",
            field=field,
        )
    return name


def mail_address(value: str, *, field: str) -> str:
    """Return the bare address in ASCII.

    Raises:
        InvalidMessage: it is none, or Gmail can't send to it.
    """
    address = header_text(value, field=field, what=f"an address in {field}").strip()
    try:
        return _normalised(address)
    except EmailNotValidError as exc:
        raise InvalidMessage(
            f"{field}: {shortened(address)} is not an email address that Gmail can send to. {exc} "
            'Write it as ann@example.com, or as "Ann Lee" <ann@example.com>.',
            field=field,
        ) from exc


def _parse_list(text: str, field: str) -> list[Mailbox]:
    text = header_text(text, field=field, what=f"an address in {field}")
    pieces = _BETWEEN_COMMAS.findall(text) if '"' in text else text.split(",")
    return [_parse_one(piece.strip(), field) for piece in pieces if piece.strip()]


def _parse_one(text: str, field: str) -> Mailbox:
    named = _NAMED.fullmatch(text)
    if named is None:
        return Mailbox("", mail_address(text, field=field))
    quoted, plain, address = named.group("quoted", "plain", "address")
    return _mailbox(plain if quoted is None else _ESCAPED.sub(r"\1", quoted), address, field)


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
        allow_smtputf8=False,
        check_deliverability=False,
        strict=True,
        test_environment=True,
    )
    if valid.ascii_email is None:
        raise EmailNotValidError("The part before the @-sign must be ASCII.")
    return valid.ascii_email

"""A message that another program composed → as Gmail takes it.

Its body stays as it is. Of its headers, From is left to the sender, and Bcc names those whom only
the envelope names: Gmail sends to everyone in the headers, and to nobody else.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.utils import format_datetime, make_msgid
from typing import Literal, TypeAlias

from mailcore.clock import now
from mailcore.errors import InvalidMessage
from mailcore.message.addresses import Mailbox, parse_addresses
from mailcore.message.compose import MAX_MESSAGE, ComposedMessage, add_from
from mailcore.message.headers import header, mailbox_header, shortened, unstructured

#: What is done with a From that is not the sender's: it is replaced, and becomes Reply-To if
#: there is none; or the message is refused.
OtherFrom: TypeAlias = Literal["replace", "refuse"]

_LINE_END = re.compile(rb"\r\n|\r|\n")
_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>")
#: Headers that are written anew, or say what happened on another way.
_LEFT_OUT = frozenset({"from", "sender", "bcc", "return-path"})
_RECIPIENTS = ("to", "cc", "bcc")
#: Its first line may be a mailbox file's.
_MBOX = b"From "


@dataclass(frozen=True, slots=True)
class WholeMessage:
    """A message without From, and whom it was from.

    Attributes:
        message: what goes out.
        from_name: the name in its From, or None.
        given_id: its Message-ID, or None where it had none.
    """

    message: ComposedMessage
    from_name: str | None
    given_id: str | None


@dataclass(frozen=True, slots=True)
class _Field:
    """A header field: its name in lower case, its lines as they were, and its text."""

    name: str
    lines: bytes
    text: str


def adopt(
    raw: bytes,
    *,
    recipients: Sequence[str] | None,
    account: str | None,
    send_as: Collection[str] = (),
    other_from: OtherFrom = "replace",
) -> WholeMessage:
    """Make a message ready for Gmail.

    Args:
        raw: the message (RFC 5322), with any line ends.
        recipients: the envelope's addresses, with or without names; None takes those of To, Cc
            and Bcc.
        account: the sender's mailbox, or None where it is not known.
        send_as: further addresses that From may be.
        other_from: what to do with any other From.

    Raises:
        InvalidMessage: it cannot be read, goes to nobody, or to others than the envelope says;
            ``field`` names what is at fault.
    """
    head, _, body = _LINE_END.sub(b"\r\n", raw).lstrip(b"\r\n").partition(b"\r\n\r\n")
    fields = list(_fields(head))
    named = _named(fields)
    everyone = _envelope(recipients, named)
    hidden = _hidden(named, everyone)
    writer = _from(fields)
    address = writer.address.casefold() if writer else ""
    is_alias = address in {each.casefold() for each in send_as}
    is_own = is_alias or address == (account or "").casefold()
    if writer is not None and not is_own and other_from == "refuse":
        raise InvalidMessage(
            f"The message is from {writer.address}, and the sender's account is "
            f"{account or 'not known yet'}.",
            remedy="Send it from the sender's own account.",
            field="from_address",
        )
    given_id = _message_id(fields)
    message_id = given_id or make_msgid(domain="gmail.com")
    lines = [
        *_kept(fields),
        *_added(fields, message_id, hidden, reply_to=None if is_own else writer),
    ]
    whole = b"\r\n".join([*lines, b"", body])
    if len(whole) > MAX_MESSAGE:
        raise InvalidMessage(
            f"The message is {len(whole):,} bytes long; Gmail takes {MAX_MESSAGE:,} (35 MB).",
            remedy="Send a link instead of a file.",
            field="message",
        )
    composed = ComposedMessage(
        raw=whole,
        message_id=message_id,
        recipients=everyone,
        subject=_subject(fields),
    )
    if writer is not None and is_alias:
        composed = add_from(composed, address=writer.address, name=writer.name)
    return WholeMessage(composed, (writer.name or None) if writer else None, given_id)


def _fields(head: bytes) -> Iterator[_Field]:
    """Split the header into its fields."""
    lines = head.split(b"\r\n")
    if lines and lines[0].startswith(_MBOX):
        del lines[0]
    fields: list[list[bytes]] = []
    for line in lines:
        if line[:1] in {b" ", b"\t"} and fields:
            fields[-1].append(line)
        elif line:
            fields.append([line])
    for parts in fields:
        found = _NAME.match(parts[0])
        if found is None:
            raise InvalidMessage(
                f"{shortened(parts[0].decode('ascii', 'replace'))} is not a header field.",
                remedy="A message begins with its header, followed by an empty line.",
                field="message",
            )
        text = b"".join(parts)[found.end() :]
        yield _Field(found[1].decode("ascii").lower(), b"\r\n".join(parts), _decoded(text))


def _decoded(text: bytes) -> str:
    try:
        return text.decode().strip()
    except UnicodeDecodeError as exc:
        raise InvalidMessage(
            "A header field is neither ASCII nor UTF-8.",
            remedy="Encode it as RFC 2047 says, or in UTF-8.",
            field="message",
        ) from exc


def _texts(fields: Iterable[_Field], name: str) -> list[str]:
    return [field.text for field in fields if field.name == name]


def _named(fields: list[_Field]) -> dict[str, list[Mailbox]]:
    """Return whom the header names, by the field."""
    return {
        name: [each for text in _texts(fields, name) for each in parse_addresses(text, field=name)]
        for name in _RECIPIENTS
    }


def _envelope(recipients: Sequence[str] | None, named: dict[str, list[Mailbox]]) -> tuple[str, ...]:
    """Return everyone whom it goes to, once."""
    if recipients is None:
        given = [each.address for mailboxes in named.values() for each in mailboxes]
    else:
        people = parse_addresses(recipients, field="recipients")
        given = [each.address for each in people]
    if not given:
        raise InvalidMessage(
            "The message has no recipient.", remedy="Name one in To, Cc or Bcc.", field="to"
        )
    return tuple({address.casefold(): address for address in given}.values())


def _hidden(named: dict[str, list[Mailbox]], everyone: tuple[str, ...]) -> list[Mailbox]:
    """Return those for Bcc: its own, and those whom only the envelope names."""
    wanted = {address.casefold() for address in everyone}
    shown = {each.address.casefold(): each for name in named for each in named[name]}
    if others := sorted(shown.keys() - wanted):
        raise InvalidMessage(
            f"The message names {', '.join(others)}, whom the envelope does not. Gmail would send "
            "it to them too.",
            remedy="Name the same recipients in both, or send one message to all of them.",
            field="recipients",
        )
    extra = [Mailbox("", address) for address in everyone if address.casefold() not in shown]
    return [*named["bcc"], *extra]


def _from(fields: list[_Field]) -> Mailbox | None:
    """Return whom it says it is from: the first, if there are several."""
    texts = _texts(fields, "from")
    mailboxes = parse_addresses(texts[0], field="from_address") if texts else []
    return mailboxes[0] if mailboxes else None


def _message_id(fields: list[_Field]) -> str | None:
    for text in _texts(fields, "message-id"):
        if _MESSAGE_ID.fullmatch(text):
            return text
    return None


def _subject(fields: list[_Field]) -> str:
    from email.header import decode_header, make_header  # noqa: PLC0415 - seldom needed

    text = next(iter(_texts(fields, "subject")), "")
    try:
        text = str(make_header(decode_header(text)))
    except (ValueError, LookupError):  # a charset that nobody knows: it is shown as it came
        return text
    return "".join(char if char.isprintable() else " " for char in text).strip()


def _kept(fields: list[_Field]) -> Iterator[bytes]:
    """Yield the lines of the fields that stay, in 7 bits."""
    for field in fields:
        if field.name in _LEFT_OUT or field.name == "message-id":
            continue
        if field.lines.isascii():
            yield field.lines
        elif field.name in {*_RECIPIENTS, "reply-to"}:
            people = parse_addresses(field.text, field=field.name)
            yield mailbox_header(
                field.name.title(), ((each.name, each.address) for each in people)
            ).encode("ascii")
        else:
            name = field.lines.partition(b":")[0].decode("ascii").strip()
            yield unstructured(name, field.text).encode("ascii")


def _added(
    fields: list[_Field], message_id: str, hidden: list[Mailbox], *, reply_to: Mailbox | None
) -> Iterator[bytes]:
    present = {field.name for field in fields}
    if "reply-to" not in present and reply_to is not None:
        yield mailbox_header("Reply-To", [(reply_to.name, reply_to.address)]).encode("ascii")
    if hidden:
        yield mailbox_header("Bcc", ((each.name, each.address) for each in hidden)).encode("ascii")
    if "date" not in present:
        yield header("Date", [format_datetime(now())]).encode("ascii")
    if "mime-version" not in present:
        yield b"MIME-Version: 1.0"
    yield header("Message-ID", [message_id]).encode("ascii")

"""One header as 7-bit lines: folding, and what ASCII can't carry (RFC 5322, 2047, 2231).

``email.header.Header`` is not used: it splits values at every character that
``str.splitlines`` takes for a line's end, such as U+2028, and loses it.
"""

import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

from mailcore.errors import InvalidMessage

#: RFC 2047 section 2: a line that holds an encoded word has at most 76 characters.
_LINE = 76
#: RFC 5322 section 2.1.1, without the line's end.
LONGEST_LINE = 998
#: A word this long still fits beside a header's name.
_LONGEST_WORD = 900

#: Characters of a file name in one parameter: with its name and number it fits on a line.
_FILE_NAME_PIECE = 54
#: Octets; fewer beside a header's name would make many short words.
_LEAST_ROOM = 12

# A tab is white space, and is encoded; the others show nothing, or command terminals.
_CONTROL = re.compile(r"[\x00-\x08\n-\x1f\x7f]")
_FORGING = "\r\n\0"
_PRINTABLE = re.compile(r"[ -~]*")
_BREAK = re.compile(r"(?<=\S) (?=\S)")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
# Without quotes and backslashes, and without semicolons, at which careless readers split.
_PLAIN_FILE_NAME = re.compile(r"[!#-:<-\[\]-~]+(?: [!#-:<-\[\]-~]+)*")


def header_text(value: object, *, field: str, what: str) -> str:
    """Check a text that is to become part of a header, and return it.

    Args:
        value: what the caller gave.
        field: the argument's name, for the error.
        what: what the text is, for the error: ``"subject"``, ``"a file name in inline"``.

    Raises:
        InvalidMessage: it is not a str, or holds what a header can't carry.
    """
    if not isinstance(value, str):
        raise InvalidMessage(
            f"{what} must be a str, not {type(value).__name__}.",
            remedy="Convert it first.",
            field=field,
        )
    if found := _CONTROL.search(value):
        raise InvalidMessage(
            _control_message(what, value, found[0]), remedy="Remove it.", field=field
        )
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as exc:
            raise surrogate_error(what, exc, field=field) from exc
    return value


def surrogate_error(what: str, exc: UnicodeEncodeError, *, field: str) -> InvalidMessage:
    """Return the error for a text that was decoded wrongly before it came here."""
    return InvalidMessage(
        f"{what} contains U+{ord(exc.object[exc.start]):04X}, which is half a character.",
        remedy="Decode the text with its right encoding first.",
        field=field,
    )


def shortened(value: object, limit: int = 80) -> str:
    """Return the value's repr, cut so that an error stays readable."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def header(name: str, words: Iterable[str]) -> str:
    """Return a header, folded between words where lines would grow too long.

    Args:
        name: such as ``Subject``.
        words: ASCII; none is ever split.
    """
    lines = []
    line = f"{name}:"
    first = True
    for word in words:
        length = len(line) + 1 + len(word)
        if length > _LINE and (not first or word.startswith("=?") or length > LONGEST_LINE):
            lines.append(line)
            line = ""
        line = f"{line} {word}"
        first = False
    return "\r\n".join([*lines, line])


def unstructured(name: str, text: str) -> str:
    """Return a header of free text, in encoded words where ASCII can't carry it."""
    words = _BREAK.split(text)
    plain = (
        _PRINTABLE.fullmatch(text) is not None
        and "=?" not in text  # would be read as an encoded word
        and max(map(len, words)) <= _LONGEST_WORD
    )
    return header(name, words if plain else encoded_words(text, name))


def mailbox_header(name: str, mailboxes: Iterable[tuple[str, str]]) -> str:
    """Return a header of addresses, such as ``To: Ann <ann@example.com>`` (RFC 5322 3.4).

    Args:
        name: such as ``To``.
        mailboxes: displayed names, which may be empty, and addresses in ASCII.
    """
    words: list[str] = []
    for displayed, address in mailboxes:
        if words:
            words[-1] += ","
        if displayed:
            words += phrase(displayed, name)
            words.append(f"<{address}>")
        else:
            words.append(address)
    return header(name, words)


def parameters(values: Sequence[str]) -> list[str]:
    """Return a value and its parameters as words, with semicolons between."""
    return [*(f"{value};" for value in values[:-1]), values[-1]]


def file_name_parameters(name: str) -> list[str]:
    """Return ``filename="…"``, or its RFC 2231 form where quoting would not be safe.

    What is too long for a line is continued in further parameters (section 3).
    """
    if len(name) <= _FILE_NAME_PIECE and _PLAIN_FILE_NAME.fullmatch(name) and "=?" not in name:
        return [f'filename="{name}"']
    pieces = [""]
    for encoded in (quote(character, safe="") for character in name):
        if len(pieces[-1]) + len(encoded) > _FILE_NAME_PIECE:
            pieces.append("")  # between two characters, for readers that decode each by itself
        pieces[-1] += encoded
    pieces[0] = f"utf-8''{pieces[0]}"
    if len(pieces) == 1:
        return [f"filename*={pieces[0]}"]
    return [f"filename*{number}*={piece}" for number, piece in enumerate(pieces)]


def encoded_words(text: str, header_name: str) -> Iterator[str]:
    """Yield RFC 2047 words that each fit on one line, the first beside the header's name.

    Where the name leaves too little room for that, `header` folds after its colon.
    """
    octets = text.encode()
    room = (62 - len(header_name)) // 4 * 3
    most = min(45, room) if room >= _LEAST_ROOM else 45
    start = 0
    while start < len(octets):
        end = min(start + most, len(octets))
        # Section 5: no character is split between two words.
        while end < len(octets) and octets[end] & 0xC0 == 0x80:  # noqa: PLR2004 - UTF-8's mask
            end -= 1
        yield f"=?utf-8?b?{binascii.b2a_base64(octets[start:end], newline=False).decode()}?="
        start = end


def _control_message(what: str, text: str, control: str) -> str:
    if any(each in text for each in _FORGING):
        return f"{what} contains a line break or a NUL character, which could forge headers."
    return (
        f"{what} contains U+{ord(control):04X}, a control character that mail programs don't show."
    )


def phrase(text: str, header_name: str) -> Iterable[str]:
    """Return a displayed name as words: as it is, quoted, or encoded (RFC 5322 3.2.5)."""
    if "=?" not in text and _PRINTABLE.fullmatch(text):
        words = _BREAK.split(text)
        if max(map(len, words)) <= _LONGEST_WORD // 2:  # escaping may double it
            if _ATOMS.fullmatch(text):
                return words
            escaped = text.replace("\\", r"\\").replace('"', r"\"")
            return _BREAK.split(f'"{escaped}"')
    return encoded_words(text, header_name)

"""The wire format: headers and MIME parts as 7-bit lines that end in CRLF.

The standard library's ``EmailMessage`` is not used for writing: its generator holds an
attachment several times over, and its header folding splits values at characters such
as U+2028. What is needed here is small: RFC 5322 folding, RFC 2047 encoded words,
RFC 2231 file names and three transfer encodings (RFC 2045).
"""

import binascii
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Literal, Protocol
from urllib.parse import quote

from mailcore.errors import InvalidMessage

#: RFC 2047 section 2: a line that holds an encoded word has at most 76 characters.
_LINE = 76
#: RFC 5322 section 2.1.1 allows 998 octets; a word this long still fits beside a header's name.
_LONGEST_WORD = 900
#: Displayed names up to this length are quoted; longer ones are encoded, which folds.
_LONGEST_QUOTED_NAME = 60
#: Octets of an attachment that are encoded at a time: whole base64 lines.
_BASE64_LINE = 57
_BASE64_CHUNK = _BASE64_LINE * 4096

_LINE_BREAK_OR_NUL = re.compile(r"[\r\n\0]")
_PRINTABLE = re.compile(r"[ -~]*")
_BREAK = re.compile(r"(?<=\S) (?=\S)")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_PLAIN_FILE_NAME = re.compile(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")
_LINE_OVER_998 = re.compile(rb"^[^\r\n]{999}", re.MULTILINE)
_ASCII = bytes(range(128))
_PLAIN_TEXT = b"\t\r\n" + bytes(range(0x20, 0x7F))


class Part(Protocol):
    """A node of the MIME tree."""

    def write(self, out: BytesIO) -> None:
        """Append the part's headers, an empty line and its body."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part with content.

    Attributes:
        headers: rendered lines, without the transfer encoding's.
        content: the octets as the reader shall get them.
        encoding: how they travel.
    """

    headers: Sequence[str]
    content: bytes
    encoding: Literal["7bit", "quoted-printable", "base64"]

    def write(self, out: BytesIO) -> None:
        """Append the part's headers, an empty line and its encoded content."""
        _write_lines(out, *self.headers, f"Content-Transfer-Encoding: {self.encoding}", "")
        if self.encoding == "base64":
            _write_base64(out, self.content)
        elif self.encoding == "quoted-printable":
            # b2a_qp breaks lines as the first line of the text happens to end, so it gets one kind.
            lines = self.content.replace(b"\r\n", b"\n")
            out.write(binascii.b2a_qp(lines, istext=True).replace(b"\n", b"\r\n"))
        else:
            out.write(self.content)


@dataclass(frozen=True, slots=True)
class Multipart:
    """Parts that belong together (RFC 2046 section 5.1).

    Attributes:
        subtype: ``mixed``, ``alternative`` or ``related``.
        parts: at least one.
        parameters: further parameters of the content type, rendered.
    """

    subtype: str
    parts: Sequence[Part]
    parameters: Sequence[str] = ()

    def write(self, out: BytesIO) -> None:
        """Append the part's header, an empty line and the parts between boundaries."""
        # "=_" occurs in no base64 and no quoted-printable text; the rest is chance.
        boundary = f"=_{self.subtype}_{secrets.token_hex(12)}"
        media_type = [f"multipart/{self.subtype}", *self.parameters, f'boundary="{boundary}"']
        _write_lines(out, header("Content-Type", parameters(media_type)), "")
        for part in self.parts:
            _write_lines(out, f"--{boundary}")
            part.write(out)
            _write_lines(out, "")
        _write_lines(out, f"--{boundary}--")


def serialise(headers: Iterable[str], body: Part) -> bytes:
    """Return the whole message.

    Args:
        headers: the message's own, rendered; those of the content come with the body.
        body: the root of the MIME tree.
    """
    out = BytesIO()
    _write_lines(out, *headers, "MIME-Version: 1.0")
    body.write(out)
    return out.getvalue()


def text_part(subtype: Literal["plain", "html"], text: str) -> Leaf:
    """Return a body in UTF-8, in the transfer encoding that suits it.

    Plain ASCII stays as it is, mostly Latin text stays readable as quoted-printable, and
    the rest becomes base64, which is shorter then.

    Raises:
        UnicodeEncodeError: the text holds a lone surrogate.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    content = lines.encode()
    return Leaf(
        (f'Content-Type: text/{subtype}; charset="utf-8"',), content, _text_encoding(content)
    )


def header_text(value: object, *, field: str, what: str) -> str:
    """Check a text that is to become part of a header, and return it.

    Args:
        value: what the caller gave.
        field: the argument's name, for the error.
        what: what the text is, for the error: ``"subject"``, ``"the file name"``.

    Raises:
        InvalidMessage: it is no text, or could not be carried as one header.
    """
    if not isinstance(value, str):
        raise InvalidMessage(f"{what} must be a str, not {type(value).__name__}", field=field)
    if _LINE_BREAK_OR_NUL.search(value):
        raise InvalidMessage(
            f"{what} holds a line break or a NUL character, which could forge headers: "
            f"{shortened(value)}. Remove it.",
            field=field,
        )
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as exc:
            raise InvalidMessage(surrogate_message(what, exc), field=field) from exc
    return value


def surrogate_message(what: str, exc: UnicodeEncodeError) -> str:
    """Say that a text was decoded wrongly before it came here."""
    return (
        f"{what} holds U+{ord(exc.object[exc.start]):04X}, half of a character. "
        "Decode the text with its right encoding first."
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
        if not first and len(line) + 1 + len(word) > _LINE:
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


def mailbox_words(display_name: str, address: str, header_name: str) -> list[str]:
    """Return ``Ann <ann@example.com>`` as words (RFC 5322 section 3.4)."""
    if not display_name:
        return [address]
    return [*_phrase(display_name, header_name), f"<{address}>"]


def parameters(values: Sequence[str]) -> list[str]:
    """Return a value and its parameters as words, with semicolons between."""
    return [*(f"{value};" for value in values[:-1]), values[-1]]


def file_name_parameter(name: str) -> str:
    """Return ``filename="…"``, or its RFC 2231 form where quoting would not be safe."""
    if _PLAIN_FILE_NAME.fullmatch(name) and "=?" not in name:
        return f'filename="{name}"'
    return f"filename*=utf-8''{quote(name, safe='')}"


def encoded_words(text: str, header_name: str) -> Iterator[str]:
    """Yield RFC 2047 words that each fit on one line, the first beside the header's name.

    ``email.header.Header`` is not used: it splits at every character that
    ``str.splitlines`` takes for a line's end, and loses it.
    """
    octets = text.encode()
    most = max(12, min(45, (62 - len(header_name)) // 4 * 3))
    start = 0
    while start < len(octets):
        end = min(start + most, len(octets))
        # Section 5: no character is split between two words.
        while end < len(octets) and octets[end] & 0xC0 == 0x80:  # noqa: PLR2004 - UTF-8's mask
            end -= 1
        yield f"=?utf-8?b?{binascii.b2a_base64(octets[start:end], newline=False).decode()}?="
        start = end


def _phrase(display_name: str, header_name: str) -> Iterable[str]:
    if len(display_name) <= _LONGEST_QUOTED_NAME and "=?" not in display_name:
        if _ATOMS.fullmatch(display_name):
            return display_name.split(" ")
        if _PRINTABLE.fullmatch(display_name):
            escaped = display_name.replace("\\", r"\\").replace('"', r"\"")
            return [f'"{escaped}"']
    return encoded_words(display_name, header_name)


def _text_encoding(content: bytes) -> Literal["7bit", "quoted-printable", "base64"]:
    if not content.translate(None, _PLAIN_TEXT) and not _LINE_OVER_998.search(content):
        return "7bit"
    non_ascii = len(content.translate(None, _ASCII))
    # Quoted-printable adds two octets to each of those, base64 a third to all.
    return "quoted-printable" if non_ascii * 6 <= len(content) else "base64"


def _write_lines(out: BytesIO, *lines: str) -> None:
    out.write("".join(f"{line}\r\n" for line in lines).encode("ascii"))


def _write_base64(out: BytesIO, content: bytes) -> None:
    view = memoryview(content)
    for start in range(0, len(view), _BASE64_CHUNK):
        encoded = binascii.b2a_base64(view[start : start + _BASE64_CHUNK], newline=False)
        lines = [encoded[i : i + 76] for i in range(0, len(encoded), 76)]
        out.write(b"\r\n".join(lines))
        out.write(b"\r\n")

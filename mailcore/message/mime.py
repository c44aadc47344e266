"""The MIME tree, and how it is written: 7-bit lines that end in CRLF (RFC 2045, 2046).

The standard library's generator is not used: it holds an attachment several times over.
"""

import binascii
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Literal, Protocol

from mailcore.message.headers import header, parameters

#: Octets of an attachment that are encoded at a time: whole lines of 57.
_BASE64_CHUNK = 57 * 4096

_LINE_OVER_998 = re.compile(rb"^[^\r\n]{999}", re.MULTILINE)
# b2a_qp encodes a space before a line's end only after it has measured the line, so the
# line may come out up to two octets too long.
_ENCODED_SPACE_AT_END = re.compile(rb"=(?:20|09)$", re.MULTILINE)
_LINE_OVER_76 = re.compile(rb"^[^\n]{77,}$", re.MULTILINE)
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
            encoded = binascii.b2a_qp(lines, istext=True)
            if _ENCODED_SPACE_AT_END.search(encoded):
                encoded = _LINE_OVER_76.sub(_broken_again, encoded)
            out.write(encoded.replace(b"\n", b"\r\n"))
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


def _text_encoding(content: bytes) -> Literal["7bit", "quoted-printable", "base64"]:
    if not content.translate(None, _PLAIN_TEXT) and not _LINE_OVER_998.search(content):
        return "7bit"
    non_ascii = len(content.translate(None, _ASCII))
    # Quoted-printable adds two octets to each of those, base64 a third to all.
    return "quoted-printable" if non_ascii * 6 <= len(content) else "base64"


def _broken_again(line: re.Match[bytes]) -> bytes:
    """Put the encoded space at a line's end onto a line of its own (RFC 2045 6.7(5))."""
    return line[0][:-3] + b"=\n" + line[0][-3:]


def _write_lines(out: BytesIO, *lines: str) -> None:
    out.write("".join(f"{line}\r\n" for line in lines).encode("ascii"))


def _write_base64(out: BytesIO, content: bytes) -> None:
    view = memoryview(content)
    for start in range(0, len(view), _BASE64_CHUNK):
        encoded = binascii.b2a_base64(view[start : start + _BASE64_CHUNK], newline=False)
        lines = [encoded[i : i + 76] for i in range(0, len(encoded), 76)]
        out.write(b"\r\n".join(lines))
        out.write(b"\r\n")

"""Files that travel with a message: read, limited in size, given a media type."""

import codecs
import mimetypes
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeAlias

from mailcore.errors import InvalidMessage
from mailcore.mime import Leaf, file_name_parameter, header, header_text, shortened

#: Gmail's limit, before encoding: https://support.google.com/mail/answer/6584
MAX_ATTACHED = 25 * 1024 * 1024
#: What file systems allow; percent-encoded it still fits on one header line.
_LONGEST_FILE_NAME = 255
_LONGEST_MEDIA_TYPE = 255

_TOKEN = r"[!#$%&'*+.^_`|{}~0-9A-Za-z-]+"  # RFC 2045 section 5.1; no password  # noqa: S105
_PARAMETER = re.compile(rf'[ \t]*;[ \t]*({_TOKEN}=(?:{_TOKEN}|"[ !#-\[\]-~]*"))')
_MEDIA_TYPE = re.compile(rf"({_TOKEN})/({_TOKEN})((?:{_PARAMETER.pattern})*)")
_CONTENT_ID = re.compile(r"[A-Za-z0-9._@+-]{1,200}")

_BINARY = "application/octet-stream"
_COMPRESSED = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
}
# Python's own table lacks these, and slim images have no /etc/mime.types.
_OFFICE = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file to send.

    Attributes:
        filename: what the recipient sees.
        content: its octets; they arrive unchanged.
        content_type: such as ``"text/csv; charset=utf-8"``; None guesses by the name.
    """

    filename: str
    content: bytes = field(repr=False)
    content_type: str | None = None


#: A path, ``(filename, content)``, a file opened with mode ``"rb"``, or an `Attachment`.
AttachmentLike: TypeAlias = (
    str | os.PathLike[str] | tuple[str, bytes | BinaryIO] | BinaryIO | Attachment
)


def attached_parts(items: Iterable[AttachmentLike], *, room: int) -> list[Leaf]:
    """Read the files that are attached.

    Args:
        items: see `AttachmentLike`.
        room: how many octets they may have together.

    Raises:
        InvalidMessage: one of them is unusable, or they are too large.
    """
    argument = "attachments"
    if isinstance(items, str | bytes | os.PathLike | Attachment) or not isinstance(items, Iterable):
        raise InvalidMessage(
            f"attachments must be a list; put the one file into brackets: [{shortened(items)}]",
            field=argument,
        )
    parts = []
    for item in items:
        attachment = _load(item, argument, room)
        room -= len(attachment.content)
        parts.append(_part(attachment, argument, disposition="attachment"))
    return parts


def inline_parts(items: Mapping[str, AttachmentLike]) -> list[Leaf]:
    """Read the images that the HTML shows as ``<img src="cid:name">`` (RFC 2392).

    Raises:
        InvalidMessage: one of them is unusable, or they are too large.
    """
    argument = "inline"
    if not isinstance(items, Mapping):
        raise InvalidMessage(
            'inline must be a dict of names and files, such as {"logo": "logo.png"}',
            field=argument,
        )
    room = MAX_ATTACHED
    parts = []
    for name, item in items.items():
        if not isinstance(name, str) or not _CONTENT_ID.fullmatch(name):
            raise InvalidMessage(
                f"inline: {shortened(name)} can't be used as cid:…; take up to 200 letters, "
                "digits and the characters . _ @ + -",
                field=argument,
            )
        attachment = _load(item, argument, room)
        room -= len(attachment.content)
        content_id = header("Content-ID", [f"<{name}>"])
        parts.append(_part(attachment, argument, content_id, disposition="inline"))
    return parts


def _part(attachment: Attachment, argument: str, *headers: str, disposition: str) -> Leaf:
    name = attachment.filename
    return Leaf(
        (
            header("Content-Type", _content_type(attachment, argument)),
            header("Content-Disposition", [f"{disposition};", file_name_parameter(name)]),
            *headers,
        ),
        attachment.content,
        "base64",
    )


def _load(item: AttachmentLike, argument: str, room: int) -> Attachment:
    """Return the item as an `Attachment` whose every field is checked."""
    match item:
        case Attachment():
            attachment = item
        case str() | os.PathLike():
            attachment = _from_path(item, argument, room)
        case (name, content):
            attachment = Attachment(filename=name, content=_octets(content, name, argument, room))
        case _ if hasattr(item, "read"):
            name = _name_of(item, argument)
            attachment = Attachment(filename=name, content=_octets(item, name, argument, room))
        case _:
            raise InvalidMessage(
                f"{argument}: a {type(item).__name__} can't be attached; give a path, "
                '("name.pdf", content), a file opened with mode "rb", or an Attachment',
                field=argument,
            )
    _check_name(attachment.filename, argument)
    if not isinstance(attachment.content, bytes):
        raise _not_octets(attachment.content, attachment.filename, argument)
    if len(attachment.content) > room:
        raise _too_large(attachment.filename, argument)
    return attachment


def _from_path(path: str | os.PathLike[str], argument: str, room: int) -> Attachment:
    try:
        with Path(path).open("rb") as file:
            if os.fstat(file.fileno()).st_size > room:
                raise _too_large(Path(path).name, argument)
            content = _octets(file, Path(path).name, argument, room)
    except (OSError, ValueError) as exc:  # ValueError: the path holds a NUL character
        if isinstance(exc, InvalidMessage):
            raise
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise InvalidMessage(
            f"{argument}: {shortened(str(path))} can't be read: {reason}. "
            "Give the path of a file that this process may read.",
            field=argument,
        ) from exc
    return Attachment(filename=Path(path).name, content=content)


def _octets(source: object, name: str, argument: str, room: int) -> bytes:
    """Return what was given as content; of a file, no more than shows that it is too large."""
    if isinstance(source, bytes):
        return source
    if isinstance(source, bytearray | memoryview):
        return bytes(source)
    read = getattr(source, "read", None)
    if read is None:
        raise _not_octets(source, name, argument)
    pieces = []
    while room >= 0:  # raw files and pipes answer in pieces
        try:
            piece = read(room + 1)
        except (OSError, ValueError) as exc:  # ValueError: the file is closed
            raise InvalidMessage(
                f"{argument}: {shortened(name)} can't be read: {exc}", field=argument
            ) from exc
        if not isinstance(piece, bytes):
            raise _not_octets(piece, name, argument)
        if not piece:
            break
        pieces.append(piece)
        room -= len(piece)
    return b"".join(pieces)


def _name_of(file: object, argument: str) -> str:
    name = getattr(file, "name", None)
    if not isinstance(name, str) or not name:
        raise InvalidMessage(
            f'{argument}: a file without a name; give it as ("name.pdf", file)', field=argument
        )
    return Path(name).name


def _check_name(name: object, argument: str) -> None:
    text = header_text(name, field=argument, what=f"a file name in {argument}")
    if not text:
        raise InvalidMessage(
            f'{argument}: a file name is empty; name the file, such as "report.pdf"',
            field=argument,
        )
    if len(text.encode()) > _LONGEST_FILE_NAME:
        raise InvalidMessage(
            f"{argument}: the file name {shortened(text)} is longer than {_LONGEST_FILE_NAME} "
            "octets in UTF-8; shorten it",
            field=argument,
        )


def _content_type(attachment: Attachment, argument: str) -> list[str]:
    """Return the media type as words: what the caller said, else by the name and content."""
    if attachment.content_type is None:
        guessed = _guessed_type(attachment.filename)
        # RFC 2046 allows no base64 in a message, so an .eml travels as a file.
        if not _MEDIA_TYPE.fullmatch(guessed) or guessed.startswith(("message/", "multipart/")):
            return [_BINARY]
        if not guessed.startswith("text/"):
            return [guessed]
        return (
            _with_charset([guessed], attachment.content)
            if _is_utf8(attachment.content)
            else [_BINARY]
        )
    given = _MEDIA_TYPE.fullmatch(attachment.content_type)
    return []


def _guessed_type(name: str) -> str:
    # The prefix keeps a name such as "data:text/html,x" from being read as a URL.
    guessed, compression = mimetypes.guess_type(f"./{name}", strict=False)
    if compression is not None:
        return _COMPRESSED.get(compression, _BINARY)
    return guessed or _OFFICE.get(Path(name).suffix.lower(), _BINARY)


def _is_utf8(content: bytes) -> bool:
    """Tell without ever holding the whole text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(content)
    try:
        for start in range(0, len(view), 1 << 16):
            decoder.decode(view[start : start + (1 << 16)])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True

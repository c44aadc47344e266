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
from mailcore.mime import Leaf, file_name_parameter, header, header_text, parameters, shortened

#: Gmail's limit, before encoding: https://support.google.com/mail/answer/6584
MAX_ATTACHED = 25 * 1024 * 1024
#: What file systems allow; percent-encoded it still fits on one header line.
_LONGEST_FILE_NAME = 255
_LONGEST_MEDIA_TYPE = 255

_TOKEN = r"[!#$%&'*+.^_`|{}~0-9A-Za-z-]+"  # noqa: S105 - RFC 2045's token, no secret
_PARAMETER = re.compile(rf'[ \t]*;[ \t]*({_TOKEN}=(?:{_TOKEN}|"[ !#-\[\]-~]*"))')
_MEDIA_TYPE = re.compile(rf"({_TOKEN})/({_TOKEN})((?:{_PARAMETER.pattern})*)")
_CONTENT_ID = re.compile(r"[A-Za-z0-9._@+-]{1,200}")

_TEXT_CHUNK = 1 << 16

_BINARY = "application/octet-stream"
_COMPOSITE = ("message", "multipart")
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
    """Return the item as an `Attachment` whose name and content are checked."""
    match item:
        case Attachment():
            attachment = item
        case str() | os.PathLike():
            attachment = _from_path(Path(item), argument, room)
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
        raise InvalidMessage(
            f"{argument}: with {shortened(attachment.filename)} the files are larger than "
            f"{MAX_ATTACHED // 2**20} MB in all, which Gmail refuses; send a link instead",
            field=argument,
        )
    return attachment


def _from_path(path: Path, argument: str, room: int) -> Attachment:
    try:
        with path.open("rb") as file:
            content = file.read(room + 1)  # no more than shows that it is too large
    except (OSError, ValueError) as exc:  # ValueError: no path can hold such a character
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise InvalidMessage(
            f"{argument}: {shortened(str(path))} can't be read: {reason}. "
            "Give the path of a file that this process may read.",
            field=argument,
        ) from exc
    return Attachment(filename=path.name, content=content)


def _octets(source: object, name: str, argument: str, room: int) -> bytes:
    """Return the content that stands beside a name; of a file, at most one octet too much."""
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


def _not_octets(content: object, name: object, argument: str) -> InvalidMessage:
    return InvalidMessage(
        f"{argument}: the content of {shortened(name)} must be bytes, not "
        f'{type(content).__name__}; open files with mode "rb", and encode texts',
        field=argument,
    )


def _name_of(file: object, argument: str) -> str:
    name = getattr(file, "name", None)
    if not isinstance(name, str):  # an unnamed temporary file has a number
        raise InvalidMessage(
            f'{argument}: a file without a name; give it as ("name.pdf", file)', field=argument
        )
    return Path(name).name


def _check_name(name: object, argument: str) -> None:
    text = header_text(name, field=argument, what=f"a file name in {argument}")
    if not text.strip():
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
        if not guessed.startswith("text/"):
            return [guessed]
        # A text in an unknown encoding would be shown as garbage.
        utf8 = _is_utf8(attachment.content)
        return parameters([guessed, 'charset="utf-8"']) if utf8 else [_BINARY]
    given = attachment.content_type
    parsed = _MEDIA_TYPE.fullmatch(given) if isinstance(given, str) else None
    if parsed is None or len(given) > _LONGEST_MEDIA_TYPE:
        raise InvalidMessage(
            f"{argument}: {shortened(given)} is not a content type; write it as "
            '"application/pdf", or leave it out to have it guessed',
            field=argument,
        )
    if parsed[1].lower() in _COMPOSITE:
        raise InvalidMessage(
            f"{argument}: {parsed[1]}/… can't be given as a file's content type (RFC 2046); "
            "leave it out, and the file arrives as it is",
            field=argument,
        )
    return parameters([f"{parsed[1]}/{parsed[2]}", *_PARAMETER.findall(parsed[3])])


def _guessed_type(name: str) -> str:
    # The prefix keeps a name such as "data:text/html,x" from being read as a URL.
    guessed, compression = mimetypes.guess_type(f"./{name}", strict=False)
    if compression is not None:
        return _COMPRESSED.get(compression, _BINARY)
    if guessed is None:
        return _OFFICE.get(Path(name).suffix.lower(), _BINARY)
    # RFC 2046 allows no base64 in a message, so an .eml travels as a file.
    return _BINARY if guessed.startswith(_COMPOSITE) else guessed


def _is_utf8(content: bytes) -> bool:
    """Tell without ever holding the whole text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(content)
    try:
        for start in range(0, len(view), _TEXT_CHUNK):
            decoder.decode(view[start : start + _TEXT_CHUNK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True

"""Files that travel with a message: read, and limited in size."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeAlias

from mailcore.errors import InvalidMessage
from mailcore.message.headers import (
    file_name_parameters,
    header,
    header_text,
    parameters,
    shortened,
)
from mailcore.message.media_types import guessed_type, parse_content_type
from mailcore.message.mime import Leaf

#: Gmail's limit, before encoding: https://support.google.com/mail/answer/6584
MAX_ATTACHED = 25 * 1024 * 1024
#: What file systems allow.
_LONGEST_FILE_NAME = 255

_ATOMS = r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
_CONTENT_ID = re.compile(rf"{_ATOMS}(?:@{_ATOMS})?")
_LONGEST_CONTENT_ID = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file to send.

    Attributes:
        filename: what the recipient sees.
        content: its bytes; they arrive unchanged.
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
        room: how many bytes they may have together.

    Raises:
        InvalidMessage: one of them is unusable, or they are too large.
    """
    argument = "attachments"
    if isinstance(items, str | bytes | os.PathLike | Attachment) or not isinstance(items, Iterable):
        raise InvalidMessage(
            f"attachments must be a list, not {type(items).__name__}.",
            remedy='Put a single file in brackets: ["report.pdf"].',
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
            f"inline must be a dict, not {type(items).__name__}.",
            remedy='Give names and images, such as {"logo": "logo.png"}.',
            field=argument,
        )
    room = MAX_ATTACHED
    parts = []
    for name, item in items.items():
        _check_content_id(name, argument)
        attachment = _load(item, argument, room)
        room -= len(attachment.content)
        content_id = header("Content-ID", [f"<{name}>"])
        parts.append(_part(attachment, argument, content_id, disposition="inline"))
    return parts


def _part(attachment: Attachment, argument: str, *headers: str, disposition: str) -> Leaf:
    name, content = attachment.filename, attachment.content
    if attachment.content_type is None:
        media_type = guessed_type(name, content)
    else:
        media_type = parse_content_type(attachment.content_type, field=argument)
    if disposition == "inline" and not media_type[0].lower().startswith("image/"):
        raise InvalidMessage(
            f"{argument}: {shortened(name)} is {media_type[0]}, not an image.",
            remedy="Attach it with attachments instead, or give an Attachment with its "
            "content_type.",
            field=argument,
        )
    return Leaf(
        (
            header("Content-Type", parameters(media_type)),
            header("Content-Disposition", parameters([disposition, *file_name_parameters(name)])),
            *headers,
        ),
        content,
        "base64",
    )


def _check_content_id(name: object, argument: str) -> None:
    if (
        not isinstance(name, str)
        or len(name) > _LONGEST_CONTENT_ID
        or not _CONTENT_ID.fullmatch(name)
    ):
        raise InvalidMessage(
            f"{argument}: {shortened(name)} can't be used in a cid: link.",
            remedy=f"Use up to {_LONGEST_CONTENT_ID} letters, digits and the characters _ + -, "
            "with single dots between them and at most one @.",
            field=argument,
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
                f"{argument}: a {type(item).__name__} can't be attached.",
                remedy='Give a path, ("name.pdf", content), a file opened with mode "rb", or an '
                "Attachment.",
                field=argument,
            )
    _check_name(attachment.filename, argument)
    if not isinstance(attachment.content, bytes):
        raise _not_octets(attachment.content, attachment.filename, argument)
    if len(attachment.content) > room:
        raise InvalidMessage(
            f"{argument}: with {shortened(attachment.filename)} the files are larger than "
            f"{MAX_ATTACHED // 2**20} MB in all, which Gmail refuses.",
            remedy="Send a link instead.",
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
            f"{argument}: {shortened(str(path))} can't be read: {reason}.",
            remedy="Give the path of a file that this process may read.",
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
                f"{argument}: {shortened(name)} can't be read: {exc}.",
                remedy='Give a file that is open, with mode "rb".',
                field=argument,
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
        f"{type(content).__name__}.",
        remedy='Open files with mode "rb", and encode texts.',
        field=argument,
    )


def _name_of(file: object, argument: str) -> str:
    name = getattr(file, "name", None)
    if not isinstance(name, str):  # an unnamed temporary file has a number
        raise InvalidMessage(
            f"{argument}: a file has no name.",
            remedy='Give it as ("name.pdf", file).',
            field=argument,
        )
    return Path(name).name


def _check_name(name: object, argument: str) -> None:
    text = header_text(name, field=argument, what=f"a file name in {argument}")
    if not text.strip():
        raise InvalidMessage(
            f"{argument}: a file name is empty.",
            remedy='Name the file, such as "report.pdf".',
            field=argument,
        )
    if len(text.encode()) > _LONGEST_FILE_NAME:
        raise InvalidMessage(
            f"{argument}: the file name {shortened(text)} is longer than {_LONGEST_FILE_NAME} "
            "bytes in UTF-8.",
            remedy="Shorten it.",
            field=argument,
        )

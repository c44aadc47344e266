"""What kind of file it is: a content type, said by the caller or guessed by the name."""

import codecs
import mimetypes
import re
from pathlib import Path

from mailcore.errors import InvalidMessage
from mailcore.message.headers import shortened

_TOKEN = r"[!#$%&'*+.^_`|{}~0-9A-Za-z-]+"  # noqa: S105 - RFC 2045's token, no secret
_PARAMETER = re.compile(rf'[ \t]*;[ \t]*({_TOKEN}=(?:{_TOKEN}|"[ !#-\[\]-~]*"))')
_MEDIA_TYPE = re.compile(rf"({_TOKEN})/({_TOKEN})((?:{_PARAMETER.pattern})*)")
_LONGEST = 255
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


def parse_content_type(value: object, *, field: str) -> list[str]:
    """Return the content type that the caller names, and its parameters.

    Args:
        value: such as ``"text/csv; charset=utf-8"``.
        field: the argument's name, for the error.

    Raises:
        InvalidMessage: it is not a content type, or not one that a single file can have.
    """
    short = isinstance(value, str) and len(value) <= _LONGEST
    parsed = _MEDIA_TYPE.fullmatch(str(value)) if short else None
    if parsed is None:
        raise InvalidMessage(
            f"{field}: {shortened(value)} is not a content type.",
            remedy='Write it as "application/pdf", or leave it out to have it guessed.',
            field=field,
        )
    if parsed[1].lower() in _COMPOSITE:
        raise InvalidMessage(
            f"{field}: {parsed[1]}/… can't be given as a file's content type (RFC 2046).",
            remedy="Leave it out; the file arrives unchanged.",
            field=field,
        )
    parameters = _PARAMETER.findall(parsed[3])
    # "charset*" is "charset" in another notation (RFC 2231 section 4).
    names = [parameter.partition("=")[0].removesuffix("*").lower() for parameter in parameters]
    if len(set(names)) < len(names):
        raise InvalidMessage(
            f"{field}: a parameter appears twice in the content type {shortened(value)}.",
            remedy="Give each parameter once.",
            field=field,
        )
    return [f"{parsed[1]}/{parsed[2]}", *parameters]


def guessed_type(name: str, content: bytes) -> list[str]:
    """Return the content type that a file of that name has, and its parameters.

    A text whose encoding is not UTF-8 is ``application/octet-stream``: under a wrong
    charset it would be shown as garbage.
    """
    media_type = _by_name(name)
    if not media_type.startswith("text/"):
        return [media_type]
    return [media_type, 'charset="utf-8"'] if _is_utf8(content) else [_BINARY]


def _by_name(name: str) -> str:
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

"""Reading the files that flags name."""

import os
from pathlib import Path

from mailcore.cli.flags import wrong


def read_text(flag: str, path: Path) -> str:
    """Return a file's text, without a byte order mark.

    Raises:
        BadParameter: it cannot be read, or is not UTF-8.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise wrong(flag, f"{path}: {exc.strerror}") from exc
    return decoded(flag, data)


def decoded(flag: str, data: bytes) -> str:
    """Return bytes as text, without a byte order mark.

    Raises:
        BadParameter: they are not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise wrong(flag, f"not UTF-8 (byte {exc.start + 1})") from exc


def require_readable(flag: str, path: Path) -> None:
    """Check up front that a file can be read.

    Raises:
        BadParameter: it does not exist, is not a file, or may not be read.
    """
    if path.is_dir() or not os.access(path, os.R_OK):
        raise wrong(flag, f"{path} is not a readable file")

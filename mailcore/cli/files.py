"""Reading the files that flags name."""

import os
from pathlib import Path

from mailcore.cli.flags import wrong


def read_text(flag: str, path: Path) -> str:
    """Return what a file says, without the mark that some editors put in front.

    Raises:
        BadParameter: it cannot be read, or is no UTF-8.
    """
    try:
        octets = path.read_bytes()
    except OSError as exc:
        raise wrong(flag, f"{path}: {exc.strerror}") from exc
    return decoded(flag, octets)


def decoded(flag: str, octets: bytes) -> str:
    """Return octets as text.

    Raises:
        BadParameter: they are no UTF-8.
    """
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise wrong(flag, f"not UTF-8 (octet {exc.start + 1})") from exc


def require_readable(flag: str, path: Path) -> None:
    """Find out before anything is done that a file cannot be read.

    Raises:
        BadParameter: it is not there, no file, or not this process's to read.
    """
    if path.is_dir() or not os.access(path, os.R_OK):
        raise wrong(flag, f"{path} is not a file that can be read")

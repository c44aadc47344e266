"""Paths as a person would type them."""

import os
import shlex
from pathlib import Path


def shortest(path: Path) -> str:
    """Return the absolute or the relative path, whichever is shorter, quoted for the shell."""
    absolute = str(path.absolute())
    try:
        relative = os.path.relpath(absolute)
    except ValueError:  # another drive, on Windows
        relative = absolute
    if os.sep not in relative:
        relative = f".{os.sep}{relative}"  # the shell looks for a bare name elsewhere
    return shlex.quote(min(absolute, relative, key=len))

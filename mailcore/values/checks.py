"""What `doctor` found in a check of the setup."""

from dataclasses import dataclass
from enum import StrEnum


class FindingState(StrEnum):
    """The result of one of `doctor`'s checks."""

    #: All is well.
    OK = "ok"
    #: It works, but deserves a look.
    NOTE = "note"
    #: It is broken.
    BROKEN = "broken"
    #: It could not be checked, because something else is broken.
    UNCHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One of `doctor`'s checks.

    Attributes:
        name: what was checked.
        state: the result.
        detail: what was found.
        remedy: what to do, or None.
    """

    name: str
    state: FindingState
    detail: str
    remedy: str | None = None

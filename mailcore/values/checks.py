"""What a check of the set-up found."""

from dataclasses import dataclass
from enum import StrEnum


class FindingState(StrEnum):
    """How a check of the doctor's went."""

    #: All is well.
    OK = "ok"
    #: It works, and is worth a decision.
    NOTE = "note"
    #: It is broken.
    BROKEN = "broken"
    #: It could not be looked at, as something else is broken.
    UNCHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check of the doctor's.

    Attributes:
        name: what was looked at.
        state: how it went.
        detail: what was found.
        remedy: what to do, or None where there is nothing.
    """

    name: str
    state: FindingState
    detail: str
    remedy: str | None = None

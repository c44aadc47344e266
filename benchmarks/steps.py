"""Where the time of an ordinary send goes: by a profile, in shares."""

import cProfile
from dataclasses import dataclass
from types import CodeType

from benchmarks.contenders.pal_e_mail import Contender as Ours
from benchmarks.place import Mail, Place

_SENDS = 300
#: What is told apart → the function that does it, by the end of its file's path and its name.
_STEPS = {
    "composing": ("mailcore/message/compose.py", "compose"),
    "reading the sender and its grant": ("mailcore/sending/send_email.py", "_begin"),
    "handing the message to Gmail": ("mailcore/google/gmail.py", "send"),
    "recording the outcome": ("mailcore/sending/outcome_recorder.py", "record_sent"),
}
_WHOLE = ("mailcore/sending/send_email.py", "send_email")
#: The kernel, Postgres and the stand-in: time in which no Python runs.
_WAITS = {
    "Postgres": ("psycopg/connection.py", "wait"),
    "Gmail": ("/socket.py", "readinto"),
}


@dataclass(frozen=True, slots=True)
class Shares:
    """Parts of the time of a whole send, 0 to 1.

    Attributes:
        steps: by what is done; "all else" makes them whole.
        waits: by who is waited for; within the steps.
    """

    steps: dict[str, float]
    waits: dict[str, float]


def shares(place: Place, mail: Mail) -> Shares:
    """Profile ordinary sends of one thread."""
    ours = Ours(place)
    ours.send(mail)
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(_SENDS):
        ours.send(mail)
    profile.disable()
    ours.core.close()
    whole = _seconds(profile, *_WHOLE)
    steps = {what: _seconds(profile, *where) / whole for what, where in _STEPS.items()}
    waits = {whom: _seconds(profile, *where) / whole for whom, where in _WAITS.items()}
    return Shares({**steps, "all else": 1 - sum(steps.values())}, waits)


def _seconds(profile: cProfile.Profile, path: str, function: str) -> float:
    """Return what a function took in all, with those that it called."""
    [seconds] = [
        entry.totaltime
        for entry in profile.getstats()
        if isinstance(entry.code, CodeType)
        and entry.code.co_name == function
        and entry.code.co_filename.replace("\\", "/").endswith(path)
    ]
    return seconds

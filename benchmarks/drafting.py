"""What it costs to send messages as drafts."""

import statistics
import time
from dataclasses import dataclass

from benchmarks import economy
from benchmarks.contenders.pal_e_mail import Contender as Ours
from benchmarks.deployment import store_grant
from benchmarks.place import Mail, Place
from benchmarks.stand_in import StandIn

_ROUNDS, _SENDS = 15, 20
_DRAFTS = "https://www.googleapis.com/auth/gmail.compose"


@dataclass(frozen=True, slots=True)
class DraftFigures:
    """Sending drafts, beside sending messages.

    Attributes:
        ratio: of the time of a send, the median of all rounds.
        posts: to Gmail, for each message.
        round_trips: to Postgres, for each message.
    """

    ratio: float
    posts: float
    round_trips: float


def measure(stand_in: StandIn, place: Place, mail: Mail, *, quick: bool) -> DraftFigures:
    """Send the same message both ways, in turns."""
    ours = Ours(place)
    ratios, posts = [], 0.0
    for _ in range(2 if quick else _ROUNDS):
        _switch(ours, place, drafts=False)
        messages = _seconds(ours, mail)
        _switch(ours, place, drafts=True)
        stand_in.play()
        drafts = _seconds(ours, mail)
        posts = stand_in.play()["posts"] / (_SENDS + 1)
        ratios.append(drafts / messages)
    round_trips = economy.round_trips(place)
    _switch(ours, place, drafts=False)
    ours.core.close()
    return DraftFigures(statistics.median(ratios), posts, round_trips)


def _switch(ours: Ours, place: Place, *, drafts: bool) -> None:
    ours.core.senders.set_use_drafts("alerts", drafts, by="benchmark")
    store_grant(place, further_scope=_DRAFTS)


def _seconds(ours: Ours, mail: Mail) -> float:
    ours.send(mail)
    started = time.perf_counter()
    for _ in range(_SENDS):
        ours.send(mail)
    return time.perf_counter() - started

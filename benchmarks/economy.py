"""What is counted rather than timed: round trips to Postgres, and refreshes."""

import os
import resource
import tempfile
import threading
from dataclasses import replace

from benchmarks.contenders import OURS, load
from benchmarks.contenders.pal_e_mail import Contender as Ours
from benchmarks.deployment import store_grant
from benchmarks.place import Contender, Mail, Place
from benchmarks.stand_in import StandIn

CALLERS = 1000
#: Whose callers can share one set of credentials. The others renew each for itself.
SHARING = (OURS, "authorized_session")
_MAIL = Mail("Only 3 % are left on /var.")


def round_trips(place: Place) -> float:
    """Return how many times an ordinary send waits for Postgres, by libpq's own trace."""
    sends = 20
    ours = Ours(place)
    for _ in range(2):  # it learns whose session it has, and prepares its statements
        ours.send(_MAIL)
    with tempfile.NamedTemporaryFile("r") as trace:
        with ours.core._database.connection() as lent:  # noqa: SLF001
            connection = lent.pgconn  # the only one, and lent again to each send
        connection.trace(os.open(trace.name, os.O_WRONLY))
        for _ in range(sends):
            ours.send(_MAIL)
        connection.untrace()
        answers = trace.read().count("ReadyForQuery")
    ours.core.close()
    return answers / sends


def refreshes(stand_in: StandIn, place: Place) -> dict[str, int]:
    """Return how many refreshes 1,000 callers cause who all find the access token ended."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    ended = replace(place, token_seconds=-60)
    counts = {}
    for name in SHARING:
        store_grant(ended)
        contender = load(name)(ended)
        stand_in.play(delay=0.1)
        _all_at_once(contender)
        counts[name] = stand_in.play().get("refreshes", 0)
    store_grant(place)
    return counts


def _all_at_once(contender: Contender) -> None:
    ready = threading.Barrier(CALLERS)

    def call() -> None:
        ready.wait()
        contender.send(_MAIL)

    callers = [threading.Thread(target=call) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

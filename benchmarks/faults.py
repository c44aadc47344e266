"""What each contender does, and tells its caller, when things go wrong."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from benchmarks.contenders import NAMES, OURS, load
from benchmarks.deployment import sender_status, store_grant
from benchmarks.place import Mail, Place, write_token_files
from benchmarks.stand_in import StandIn

#: Seconds that contenders are told to wait, where they let one say.
PATIENCE = 1.0
_MAIL = Mail("Only 3 % are left on /var.")


@dataclass(frozen=True, slots=True)
class Reaction:
    """What came of one send.

    Attributes:
        posts: how many times Gmail was given the mail.
        error: what the caller caught, or None where all seemed well.
    """

    posts: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Reactions:
    """One row of the table.

    Attributes:
        closed: Gmail closes the connection without an answer.
        silent: Gmail takes the mail and never answers.
        limited: 403 rateLimitExceeded.
        outage: 503 with HTML from the token endpoint.
        revoked: the token endpoint says that the grant is revoked.
        status_after_outage: our sender's; the others keep none.
    """

    closed: Reaction
    silent: Reaction
    limited: Reaction
    outage: Reaction
    revoked: Reaction
    status_after_outage: str | None


def observe(
    stand_in: StandIn, place: Place, *, advance: Callable[[], None]
) -> dict[str, Reactions]:
    """Put every contender through every fault."""
    place = replace(place, timeout=PATIENCE)
    with _impatient_sockets():
        return {name: _reactions(stand_in, place, name, advance) for name in NAMES}


@contextmanager
def _impatient_sockets() -> Iterator[None]:
    """Bound the waiting of those who let nobody say how long, which httplib2's users are."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    with ExitStack() as stack:
        stack.callback(socket.setdefaulttimeout, before)
        yield


def _reactions(
    stand_in: StandIn, place: Place, name: str, advance: Callable[[], None]
) -> Reactions:
    gmail = {
        fault: _when_gmail(stand_in, place, name, fault) for fault in ("close", "silent", "rate")
    }
    outage = _when_token_endpoint(stand_in, place, name, "html")
    status = sender_status(place) if name == OURS else None
    revoked = _when_token_endpoint(stand_in, place, name, "revoked")
    store_grant(place)
    advance()
    return Reactions(gmail["close"], gmail["silent"], gmail["rate"], outage, revoked, status)


def _when_gmail(stand_in: StandIn, place: Place, name: str, fault: str) -> Reaction:
    """Send one mail with all well, and the next on the same connection with the fault."""
    stand_in.play()
    store_grant(place)
    write_token_files(place)
    contender = load(name)(place)
    contender.send(_MAIL)
    stand_in.play(gmail=fault)
    error = _error(lambda: contender.send(_MAIL))
    return Reaction(stand_in.play()["posts"], error)


def _when_token_endpoint(stand_in: StandIn, place: Place, name: str, fault: str) -> Reaction:
    """Send with an access token that has ended; some notice only when Gmail refuses it."""
    place = replace(place, token_seconds=-60)
    store_grant(place)
    write_token_files(place)
    stand_in.play(gmail="ended", token=fault)
    error = _error(lambda: load(name)(place).send(_MAIL))
    return Reaction(stand_in.play()["posts"], error)


def _error(send: Callable[[], None]) -> str | None:
    try:
        send()
    except Exception as exc:  # noqa: BLE001 - whatever a contender raises is what is observed
        return _described(exc)
    return None


def _described(exc: Exception) -> str:
    """Name the error as the caller catches it, with the status if it carries one."""
    answer = getattr(exc, "response", None)
    status = getattr(exc, "status_code", None) or getattr(answer, "status_code", None)
    return f"{type(exc).__name__} {status}" if status else type(exc).__name__

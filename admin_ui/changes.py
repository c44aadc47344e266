"""What open tabs show, and whether it has changed.

A tab asks every second or two, and is redrawn only if the answer is yes. As long as nothing
in the database changes, all tabs together cost one small statement a second.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mailcore import DatabaseUnavailable, Mailcore, PalEMailError

#: Seconds for which an answer of the database's holds for every tab.
FRESH = 1.0
#: Seconds after which it is looked anyway: "2 min ago" changes without the database.
LOOK_AGAIN = 60.0
#: Tabs that are remembered. One that is forgotten is redrawn when it asks, and so known again.
MOST = 1000

#: What a look came to: what is shown, or the error in its place. Equal if it looks the same.
Outcome = object


@dataclass
class _Watch:
    """What one tab shows.

    Attributes:
        look: finds out anew, in any thread.
        shown: what the tab was last drawn with.
        snapshot: the database's, when it was last found to be unchanged.
        look_again: when to look whether or not the database has changed.
    """

    look: Callable[[], Outcome]
    shown: Outcome
    snapshot: Outcome = None
    look_again: float = 0.0


class Watches:
    """What the tabs of this process show, by a key that only the tab knows."""

    def __init__(self) -> None:
        self._watches: OrderedDict[str, _Watch] = OrderedDict()
        self._lock = Lock()
        self._snapshot: Outcome = None
        self._asked = float("-inf")
        self._asking: asyncio.Task[Outcome] | None = None

    def put(self, key: str, look: Callable[[], Outcome], shown: Outcome) -> None:
        """Remember what a tab was just drawn with."""
        with self._lock:
            self._watches[key] = _Watch(look, shown)
            self._watches.move_to_end(key)
            if len(self._watches) > MOST:
                self._watches.popitem(last=False)

    async def changed(self, key: str, ask: Callable[[], str]) -> bool:
        """Say whether a tab should be drawn anew.

        Args:
            key: as given to `put`.
            ask: `Mailcore.snapshot`.
        """
        watch = self._watches.get(key)
        if watch is None:
            return True
        snapshot = await self._newest(ask)
        if snapshot == watch.snapshot and time.monotonic() < watch.look_again:
            return False
        if isinstance(snapshot, _Unavailable):
            found: Outcome = snapshot
        else:
            found = await run_in_threadpool(outcome, watch.look)
        if found != watch.shown:
            return True
        watch.snapshot, watch.look_again = snapshot, time.monotonic() + LOOK_AGAIN
        return False

    async def _newest(self, ask: Callable[[], str]) -> Outcome:
        """Ask the database, once for all who want to know."""
        if time.monotonic() - self._asked < FRESH:
            return self._snapshot
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(ask))
        return await asyncio.shield(self._asking)

    async def _ask(self, ask: Callable[[], str]) -> Outcome:
        try:
            self._snapshot = await run_in_threadpool(outcome, ask)
            self._asked = time.monotonic()
            return self._snapshot
        finally:
            self._asking = None


@dataclass(frozen=True, slots=True)
class _Failed:
    """An error in place of what should be shown."""

    text: str


@dataclass(frozen=True, slots=True)
class _Unavailable:
    """The database cannot be reached. The page says that in the same words, whatever the reason."""


def outcome(look: Callable[[], Outcome]) -> Outcome:
    """Look, and return what was found or how it failed."""
    try:
        return look()
    except PalEMailError as exc:
        return failed(exc)


def failed(exc: PalEMailError) -> Outcome:
    """Return what a look that failed came to."""
    return _Unavailable() if isinstance(exc, DatabaseUnavailable) else _Failed(str(exc))


def route(watches: Watches, core: Mailcore) -> Route:
    """Return the address at which a tab asks. Whoever does not know its key learns nothing."""

    async def answer(request: Request) -> Response:
        changed = await watches.changed(request.path_params["key"], core.snapshot)
        return JSONResponse(changed, headers={"Cache-Control": "no-store"})

    return Route("/changes/{key}", answer)

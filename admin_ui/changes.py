"""What open tabs show, and when it has changed.

A tab that somebody sees holds a websocket, which ends once the tab should be drawn anew. As long
as nothing in the database changes, all tabs together cost one small statement every second or so.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from time import monotonic

import anyio
from anyio.to_thread import run_sync
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from mailcore import DatabaseUnavailable, Mailcore, PalEMailError

#: Where tabs wait.
PATH = "/changes/"
#: Seconds between two questions to the database.
EVERY = 1.5
#: Seconds after which it is looked anyway: "2 min ago" and logins end without the database.
LOOK_AGAIN = 20.0
#: What took a second to find out is not looked at again for that many: with the drawing that
#: follows a change, it loads the database by 5 %.
PAUSE = 40.0
#: Not longer than this, though: who waits for a consent looks at the page.
LONGEST_PAUSE = 10.0
#: Tabs that are remembered. One that is forgotten is redrawn when it asks, and so known again.
MOST = 1000
#: Looks at the same time. Others than open tabs need threads and connections, too.
LOOKS = 4

#: What a look came to: what is shown, or the error in its place. Equal if it looks the same.
Outcome = object


@dataclass(frozen=True, slots=True)
class _Failed:
    """An error in place of what should be shown."""

    text: str


@dataclass(frozen=True, slots=True)
class _Unavailable:
    """The database cannot be reached: the page says so in the same words, whatever the reason."""


@dataclass(slots=True)
class _Watch:
    """What a tab was drawn with, and how to find out what it would be drawn with now.

    Attributes:
        look: finds out.
        shown: what the tab was drawn with.
        took: how long it took to find out last, in seconds.
    """

    look: Callable[[], Outcome]
    shown: Outcome
    took: float

    @property
    def pause(self) -> float:
        """How long not to look again, in seconds."""
        # An outage takes long to find out, too; but not every tab asks whether it is over.
        return (
            0.0 if isinstance(self.shown, _Unavailable) else min(self.took * PAUSE, LONGEST_PAUSE)
        )

    def differs(self) -> bool:
        """Look, and say whether anything else would be drawn now."""
        begun = monotonic()
        found = outcome(self.look)
        self.took = monotonic() - begun
        return found != self.shown


class Watches:
    """What the tabs of this process show, by a key that only the tab knows."""

    def __init__(self) -> None:
        self._watches: OrderedDict[str, _Watch] = OrderedDict()
        self._lock = Lock()
        self._looks = anyio.CapacityLimiter(LOOKS)

    def put(self, key: str, look: Callable[[], Outcome], shown: Outcome, took: float) -> None:
        """Remember what a tab was just drawn with.

        Args:
            key: the tab's.
            look: finds out what it would be drawn with; called from any thread.
            shown: what it was drawn with.
            took: how long a look took, in seconds.
        """
        with self._lock:
            self._watches[key] = _Watch(look, shown, took)
            self._watches.move_to_end(key)
            if len(self._watches) > MOST:
                self._watches.popitem(last=False)

    async def until_changed(self, key: str, database: "Snapshots") -> None:
        """Return once a tab should be drawn anew."""
        known: Outcome = None
        while watch := self._watches.get(key):
            await asyncio.sleep(watch.pause)
            known = await database.other_than(known, within=LOOK_AGAIN)
            # By now it may have been drawn anew, because somebody clicked.
            watch = self._watches.get(key)
            if watch is None or await self._differs(watch, known):
                return

    async def _differs(self, watch: _Watch, snapshot: Outcome) -> bool:
        if isinstance(snapshot, _Unavailable):
            # A database that cannot be reached is not asked by every tab.
            return watch.shown != snapshot
        return await run_sync(watch.differs, limiter=self._looks)


class Snapshots:
    """The database's snapshots: one query for all tabs that wait, and none while no tab does.

    Args:
        ask: `Mailcore.snapshot`.
    """

    def __init__(self, ask: Callable[[], str]) -> None:
        self._ask = ask
        self._newest: Outcome = None
        self._told = asyncio.Event()
        self._waiting = 0
        self._asking: asyncio.Task[None] | None = None

    async def other_than(self, known: Outcome, *, within: float) -> Outcome:
        """Return the newest snapshot once it differs from the known one, or when time is up.

        Args:
            known: what this returned last; None the first time.
            within: seconds.
        """
        self._waiting += 1
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_regularly())
        try:
            async with asyncio.timeout(within):
                while self._newest is None or self._newest == known:
                    await self._told.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting -= 1
        return self._newest

    async def _ask_regularly(self) -> None:
        try:
            while self._waiting:
                newest = await run_sync(outcome, self._ask)
                if newest != self._newest:
                    self._newest = newest
                    self._told.set()
                    self._told = asyncio.Event()
                await asyncio.sleep(EVERY)
        finally:
            # What was found out last says nothing to whoever asks an hour later.
            self._asking = self._newest = None


def outcome(look: Callable[[], Outcome]) -> Outcome:
    """Look, and return what was found or how it failed."""
    try:
        return look()
    except PalEMailError as exc:
        return failed(exc)


def failed(exc: PalEMailError) -> Outcome:
    """Return what a look that failed came to."""
    return _Unavailable() if isinstance(exc, DatabaseUnavailable) else _Failed(str(exc))


def route(watches: Watches, core: Mailcore) -> WebSocketRoute:
    """Return the address at which tabs wait. Whoever does not know a key learns nothing."""
    database = Snapshots(core.snapshot)

    async def follow(websocket: WebSocket) -> None:
        await websocket.accept()
        async with anyio.create_task_group() as until_either:
            until_either.start_soon(_cancel_once_left, websocket, until_either.cancel_scope)
            await watches.until_changed(websocket.path_params["key"], database)
            with suppress(WebSocketDisconnect):
                await websocket.close()
            until_either.cancel_scope.cancel()

    return WebSocketRoute(f"{PATH}{{key}}", follow)


async def _cancel_once_left(websocket: WebSocket, scope: anyio.CancelScope) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        continue
    scope.cancel()

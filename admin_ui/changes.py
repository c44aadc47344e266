"""What open tabs show, and when it has changed.

A tab that somebody sees holds a websocket, by which it is told to draw itself anew. As long as
nothing in the database changes, all tabs together cost one small statement every second or so.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from mailcore import DatabaseUnavailable, Mailcore, PalEMailError

#: Where tabs wait to be told.
PATH = "/changes/"
#: Seconds between two questions to the database.
EVERY = 1.5
#: Seconds for which a tab that was told is left alone, however much happens.
REST = 4.0
#: Seconds after which it is looked anyway: "2 min ago" changes without the database.
LOOK_AGAIN = 60.0
#: What took a second to find out is not looked at again for that many: with the drawing that
#: follows a change, it loads the database by 5 % at most.
PAUSE = 40.0
#: Tabs that are remembered. One that is forgotten is redrawn when it asks, and so known again.
MOST = 1000

#: What a look came to: what is shown, or the error in its place. Equal if it looks the same.
Outcome = object


@dataclass(frozen=True, slots=True)
class _Failed:
    """An error in place of what should be shown."""

    text: str


@dataclass(frozen=True, slots=True)
class _Unavailable:
    """The database cannot be reached: the page says so in the same words, whatever the reason."""


@dataclass(frozen=True, slots=True)
class _Watch:
    """What a tab was drawn with, and how to find out what it would be drawn with now.

    Attributes:
        look: finds out.
        shown: what the tab was drawn with.
        took: how long that took to find out, in seconds.
    """

    look: Callable[[], Outcome]
    shown: Outcome
    took: float


class Watches:
    """What the tabs of this process show, by a key that only the tab knows."""

    def __init__(self) -> None:
        self._watches: OrderedDict[str, _Watch] = OrderedDict()
        self._lock = Lock()

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
            await asyncio.sleep(watch.took * PAUSE)
            known = await database.other_than(known, within=LOOK_AGAIN)
            # By now it may have been drawn anew, because somebody clicked.
            watch = self._watches.get(key)
            if watch is None or await _found(watch, known) != watch.shown:
                return


async def _found(watch: _Watch, snapshot: Outcome) -> Outcome:
    # A database that cannot be reached is not asked by every tab.
    unavailable = isinstance(snapshot, _Unavailable)
    return snapshot if unavailable else await run_in_threadpool(outcome, watch.look)


class Snapshots:
    """The database's snapshots, asked for once for all who wait for another, while any do.

    Args:
        ask: `Mailcore.snapshot`.
    """

    def __init__(self, ask: Callable[[], str]) -> None:
        self._ask = ask
        self._newest: Outcome = None
        self._waiting = 0
        self._asking: asyncio.Task[None] | None = None

    async def other_than(self, known: Outcome, *, within: float) -> Outcome:
        """Return the newest, as soon as it is another than the known one, or time is up.

        Args:
            known: what this returned last; None the first time.
            within: seconds.
        """
        self._waiting += 1
        if self._asking is None:
            self._told = asyncio.Event()
            self._asking = asyncio.create_task(self._ask_regularly())
        try:
            async with asyncio.timeout(within):
                while self._newest == known:
                    await self._told.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting -= 1
        return self._newest

    async def _ask_regularly(self) -> None:
        try:
            while self._waiting:
                newest = await run_in_threadpool(outcome, self._ask)
                if newest != self._newest:
                    self._newest = newest
                    self._told.set()
                    self._told = asyncio.Event()
                await asyncio.sleep(EVERY)
        finally:
            self._asking = None


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
        async with anyio.create_task_group() as both:
            both.start_soon(_tell, websocket, watches, database)
            await _until_left(websocket)
            both.cancel_scope.cancel()

    return WebSocketRoute(f"{PATH}{{key}}", follow)


async def _tell(websocket: WebSocket, watches: Watches, database: Snapshots) -> None:
    while True:
        await watches.until_changed(websocket.path_params["key"], database)
        try:
            await websocket.send_text("changed")
        except WebSocketDisconnect:
            return
        await asyncio.sleep(REST)


async def _until_left(websocket: WebSocket) -> None:
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        return

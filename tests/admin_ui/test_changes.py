"""Open tabs: redrawn when what they show changes, and otherwise next to no work."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Page, expect

from admin_ui.changes import EVERY, Snapshots, Watches, failed
from mailcore import DatabaseUnavailable, Mailcore
from mailcore.sandbox import GoogleSandbox
from tests.admin_ui.admin_calling import ALERTS, Authorise, Person, row
from tests.admin_ui.admin_program import Served

Result = TypeVar("Result")


def in_loop(main: Coroutine[Any, Any, Result]) -> Result:
    """Run it in a thread of its own: in this one the browser's loop runs."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, main).result()


class Database:
    """Something that is asked for snapshots and for what is shown; it counts both."""

    def __init__(self) -> None:
        self.snapshot = "1"
        self.shown = "one"
        self.down = False
        self.asked: Counter[str] = Counter()

    def ask(self) -> str:
        return self._answer("snapshot", self.snapshot)

    def look(self) -> str:
        return self._answer("look", self.shown)

    async def was_asked(self, what: str, times: int) -> None:
        async with asyncio.timeout(20):
            while self.asked[what] < times:  # noqa: ASYNC110 - it is asked in other threads
                await asyncio.sleep(0.01)

    def _answer(self, what: str, answer: str) -> str:
        self.asked[what] += 1
        if self.down:
            raise DatabaseUnavailable("It is away.")
        return answer


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def watches(database: Database) -> Watches:
    """Twenty open tabs."""
    watches = Watches()
    for tab in range(20):
        watches.put(f"tab {tab}", database.look, "one", took=0)
    return watches


async def wait(watches: Watches, database: Database, change: Callable[[], None]) -> int:
    """Have all tabs wait, let something happen, and return how many are to be redrawn."""
    snapshots = Snapshots(database.ask)
    tabs = [asyncio.create_task(watches.until_changed(f"tab {n}", snapshots)) for n in range(20)]
    await database.was_asked("look", 20)  # each looks once when it comes
    change()
    done, pending = await asyncio.wait(tabs, timeout=EVERY * 2.5)
    for tab in pending:
        tab.cancel()
    return len(done)


def test_twenty_idle_tabs_cost_one_statement_each_interval(
    watches: Watches, database: Database
) -> None:
    """However many are open: none is redrawn, and none asks the database for itself."""
    assert in_loop(wait(watches, database, lambda: None)) == 0
    assert database.asked["look"] == 20
    assert database.asked["snapshot"] <= 4


def test_a_change_reaches_every_tab(watches: Watches, database: Database) -> None:
    """A badge turns green on all of them."""

    def change() -> None:
        database.snapshot, database.shown = "2", "another"

    assert in_loop(wait(watches, database, change)) == 20


def test_what_others_write_redraws_nothing(watches: Watches, database: Database) -> None:
    """A worker's heartbeat makes a tab look again, and no more."""
    change = partial(setattr, database, "snapshot", "2")
    assert in_loop(wait(watches, database, change)) == 0
    assert database.asked["look"] == 40


def test_an_outage_is_shown_and_asked_about_once_for_all(
    watches: Watches, database: Database
) -> None:
    """Twenty tabs don't wait for a database that is down, each in a thread of its own."""
    assert in_loop(wait(watches, database, partial(setattr, database, "down", True))) == 20
    assert database.asked["look"] == 20


def test_a_tab_that_shows_the_outage_stays_until_it_is_over(database: Database) -> None:
    """The notice is not drawn anew every few seconds, and gives way to the page."""
    watches = Watches()
    database.down = True
    for tab in range(20):
        watches.put(f"tab {tab}", database.look, failed(DatabaseUnavailable("It is away.")), took=0)

    async def outage() -> None:
        waiting = asyncio.create_task(watches.until_changed("tab 0", Snapshots(database.ask)))
        await database.was_asked("snapshot", 3)
        assert not waiting.done()
        database.down = False
        await asyncio.wait_for(waiting, EVERY * 2.5)

    in_loop(outage())


def test_an_outage_that_nobody_saw_the_end_of_is_forgotten(database: Database) -> None:
    """A tab that is opened an hour later is not drawn again and again for it."""
    watches = Watches()
    watches.put("tab 0", database.look, "one", took=0)
    snapshots = Snapshots(database.ask)

    async def opened_and_left(asks: int, looks: int) -> bool:
        """Return whether the tab would be drawn anew before the database has been asked."""
        tab = asyncio.create_task(watches.until_changed("tab 0", snapshots))
        await database.was_asked("snapshot", asks)
        await database.was_asked("look", looks)
        await asyncio.wait([tab], timeout=EVERY / 5)
        done = tab.done()
        tab.cancel()
        return done

    async def visits() -> None:
        database.down = True
        assert await opened_and_left(1, 0)
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})  # nobody asks any more
        database.down = False
        assert not await opened_and_left(2, 1)

    in_loop(visits())


def test_one_slow_look_does_not_blind_a_tab(database: Database) -> None:
    """The pause is for what takes long now, and not for what once did."""
    watches = Watches()
    watches.put("tab 0", database.look, "one", took=0.02)

    async def follow() -> None:
        tab = asyncio.create_task(watches.until_changed("tab 0", Snapshots(database.ask)))
        await database.was_asked("look", 1)
        database.snapshot, database.shown = "2", "another"
        await asyncio.wait_for(tab, EVERY * 2.5)

    in_loop(follow())


def test_an_outage_is_not_taken_for_a_slow_look(database: Database) -> None:
    """Finding out took long; that it is over shows at once all the same."""
    watches = Watches()
    away = failed(DatabaseUnavailable("It is away."))
    watches.put("tab 0", database.look, away, took=10)
    in_loop(asyncio.wait_for(watches.until_changed("tab 0", Snapshots(database.ask)), EVERY))


def test_what_takes_long_to_read_is_not_read_every_few_seconds(database: Database) -> None:
    """An open page with a slow search does not keep the database busy."""
    watches = Watches()
    watches.put("tab 0", database.look, "another", took=5)
    waiting = watches.until_changed("tab 0", Snapshots(database.ask))
    with pytest.raises(TimeoutError):
        in_loop(asyncio.wait_for(waiting, EVERY))
    assert not database.asked


def test_a_tab_that_is_not_known_is_redrawn(database: Database) -> None:
    """So it is known again, after a restart of the server for one."""
    in_loop(Watches().until_changed("tab 0", Snapshots(database.ask)))
    assert not database.asked


def test_a_snapshot_tells_of_every_change(core: Mailcore) -> None:
    """It stays the same while nothing happens, and differs after any write."""

    def differs_after_reading() -> bool:
        before = core.snapshot()
        core.senders.page()
        core.deliveries.page()
        return core.snapshot() != before

    # Postgres' own autovacuum writes at times, so reading gets a second and a third go.
    assert not all(differs_after_reading() for _ in range(3))
    before = core.snapshot()
    core.senders.register("alerts", gmail_account=ALERTS, by="test")
    assert core.snapshot() != before


def count_runs(page: Page) -> list[str]:
    """Return a list that grows with every message by which a tab has the script run."""
    sent: list[str] = []
    page.on(
        "websocket",
        lambda socket: socket.on("framesent", lambda _: sent.append(socket.url)),
    )
    return sent


@pytest.mark.browser
@pytest.mark.parametrize("path", ["", "/deliveries", "/sender?sender=alerts"])
def test_an_idle_tab_runs_nothing(
    served: Served, person: Person, authorised: Authorise, path: str
) -> None:
    """Nothing goes from the browser to the server while nothing changes."""
    authorised("alerts", ALERTS)
    page = person("about:blank")
    with page.expect_websocket(lambda socket: "/changes/" in socket.url):
        page.goto(served.url + path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    sent = count_runs(page)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.wait_for_timeout(EVERY * 3 * 1000)
    assert not sent
    assert not [url for url in requests if "/static/" not in url]  # those came with the page


@pytest.mark.browser
def test_every_open_tab_turns_within_seconds(
    served: Served, person: Person, authorised: Authorise, core: Mailcore, google: GoogleSandbox
) -> None:
    """What happens elsewhere shows on all tabs, without a reload."""
    authorised("alerts", ALERTS)
    tabs = [person(f"{served.url}/{path}") for path in ("", "", "sender?sender=alerts")]
    for tab in tabs:
        expect(tab.get_by_text("Healthy").first).to_be_visible()
    google.revoke_grant(ALERTS)
    core.check("alerts")
    changed = time.monotonic()
    for tab in tabs:
        expect(
            tab.get_by_text("password probably changed, or access revoked").first
        ).to_be_visible()
    assert time.monotonic() - changed < 15  # two seconds on a machine that is not busy


@pytest.mark.browser
def test_a_hidden_tab_is_not_told_until_it_is_seen_again(
    served: Served, person: Person, authorised: Authorise, core: Mailcore
) -> None:
    """Forgotten tabs cost nothing, and are up to date by the time somebody looks."""
    authorised("alerts", ALERTS)
    page = person(served.url)
    expect(row(page, "alerts")).to_contain_text("Healthy")

    def be(state: str) -> None:
        page.evaluate(
            "state => {"
            "  Object.defineProperty(document, 'visibilityState',"
            "    {value: state, configurable: true});"
            "  document.dispatchEvent(new Event('visibilitychange'));"
            "}",
            state,
        )

    be("hidden")
    core.senders.register("billing", by="test")
    page.wait_for_timeout(EVERY * 2 * 1000)
    expect(row(page, "billing")).to_have_count(0)
    be("visible")
    expect(row(page, "billing")).to_be_visible()

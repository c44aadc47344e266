"""What the tests of mailcore share: a crowd, patience, and the database."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg

Result = TypeVar("Result")


def at_once(count: int, call: Callable[[], Result]) -> list[Result | Exception]:
    """Make a call in many threads at the same moment; return what each came to."""
    start = threading.Barrier(count)
    outcomes: list[Result | Exception] = []

    def run() -> None:
        start.wait()
        try:
            outcomes.append(call())
        except Exception as exc:  # noqa: BLE001 - what it was is for the test to judge
            outcomes.append(exc)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def meanwhile(call: Callable[[], Result]) -> Callable[[], Result]:
    """Start a call in a thread; the returned function waits for its result, or raises."""
    outcome: list[Result] = []
    error: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(call())
        except BaseException as exc:  # noqa: BLE001 - raised again below
            error.append(exc)

    thread = threading.Thread(target=run)
    thread.start()

    def wait() -> Result:
        thread.join()
        if error:
            raise error[0]
        return outcome[0]

    return wait


def eventually(comes_true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for what no event announces."""
    deadline = time.monotonic() + seconds
    while not comes_true():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


class Tables:
    """The database behind mailcore's back: to look, and to let time pass."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with psycopg.connect(self._url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values)
            return list(cursor.fetchall()) if cursor.description else []

    def make_access_tokens_stale(self) -> None:
        """As if an hour had passed."""
        self(
            "UPDATE sender SET token_json = jsonb_set(token_json::jsonb, '{access_expires_at}',"
            " to_jsonb('2020-01-01T00:00:00+00:00'::text))::text"
        )

"""The engine's connections, which stop waiting for a server that is gone without a word.

As `store.bounded_connection` for the engine: it awaits an answer for ever, also when it is told to
stop (https://github.com/procrastinate-org/procrastinate/issues/1334). This looks at the clock
whenever psycopg does, ten times a second, and gives the connection up.
"""

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

Result = TypeVar("Result")


def _impatiently(
    gen: Generator[Any, Any, Result], connection: Any, seconds: float
) -> Generator[Any, Any, Result]:
    """Pass on what psycopg waits for, and raise once a statement has taken too long."""
    end = time.monotonic() + seconds
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > end and _is_asking(connection):
                connection.pgconn.finish()
                raise psycopg.OperationalError(f"the server did not answer for {seconds:.0f} s")
            wanted = gen.send(ready)
    except StopIteration as stop:
        result: Result = stop.value
        return result


def _is_asking(connection: Any) -> bool:
    """Say whether an answer is due; one that listens only waits for news."""
    return bool(connection.pgconn.transaction_status == TransactionStatus.ACTIVE)


class PatientAsyncConnection(psycopg.AsyncConnection[Any]):
    """A connection that is given up when an answer takes longer than its patience.

    Attributes:
        patience: seconds.
    """

    patience = 15.0

    async def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """Wait for the server, as long as the patience lasts."""
        return await super().wait(_impatiently(gen, self, self.patience), *args, **kwargs)

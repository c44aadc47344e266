"""A connection to Postgres as sending uses it: psycopg's, a statement to a round trip.

A pooler in transaction mode gives each transaction another session of the server's. What is
prepared or set in one would be missed in the next, or be met by another client. So each
connection asks once whose session it has, in the batch of its first statement: a pooler tells
its clients a process id of its own, and the server tells the real one.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import namedtuple_row

from mailcore.clock import Deadline
from mailcore.store.bounded_connection import BoundedConnection
from mailcore.store.statement_timeout import limited

_WHOSE_SESSION = "SELECT pg_backend_pid(), current_setting('default_transaction_isolation')"
#: psycopg would prepare by itself what is run as often: never.
_NEVER = 2**31 - 1
#: Seconds for a statement whose caller named no time.
_TIME_LIMIT = 10.0


class Connection(BoundedConnection):
    """A connection that runs statements, each a transaction of its own.

    Where the session is its own, statements are prepared when they come for the second time:
    Postgres plans them once. Elsewhere each goes out plain, in a batch with its transaction.
    """

    #: Since when nobody uses it, by `mailcore.clock.elapsed`.
    idle_since: float = 0.0
    _has_own_session: bool | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._runs: Counter[str] = Counter()

    @property
    def is_idle(self) -> bool:
        """It is open, and within no transaction."""
        return self.pgconn.transaction_status == TransactionStatus.IDLE

    def run(
        self, statement: str, values: Mapping[str, object] | None = None
    ) -> psycopg.Cursor[Any]:
        """Run a statement before the connection's deadline.

        In a transaction it is part of that; elsewhere it is one of its own, isolated as *read
        committed*, and takes one round trip.

        Args:
            statement: with ``%(name)s`` for each value.
            values: what those are.

        Returns:
            The rows, with a column to an attribute.

        Raises:
            psycopg.Error: what Postgres says.
        """
        cursor = self.cursor(row_factory=namedtuple_row)
        values = values or {}
        if not self.autocommit or not self.is_idle:
            return cursor.execute(statement, values)
        if self._has_own_session:
            return self._run_prepared(cursor, statement, values)
        asking = self.cursor() if self._has_own_session is None else None
        with limited(self, self.deadline or Deadline(_TIME_LIMIT), values):
            if asking is not None:
                asking.execute(_WHOSE_SESSION)
            cursor.execute(statement, values)
        if asking is not None:
            self._learn(asking.fetchone())
        return cursor

    def _learn(self, answer: tuple[int, str] | None) -> None:
        self._has_own_session = answer == (self.pgconn.backend_pid, "read committed")
        if self._has_own_session:
            self.prepare_threshold = _NEVER

    def _run_prepared(
        self, cursor: psycopg.Cursor[Any], statement: str, values: Mapping[str, object]
    ) -> psycopg.Cursor[Any]:
        self._runs[statement] += 1
        runs = self._runs[statement]
        # By itself, psycopg would wait for the preparing before it goes on.
        with self.pipeline() if runs == 2 else nullcontext():  # noqa: PLR2004
            return cursor.execute(statement, values, prepare=runs > 1)

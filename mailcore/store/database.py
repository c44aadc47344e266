"""The database: its connections, lent one by one, and the ways to use one.

Not psycopg-pool: it connects in threads of its own, so that callers hear only that their time is
up and never why, wait it out where Postgres refuses at once, and have no pool after a fork.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Self, cast

from psycopg import IsolationLevel
from psycopg.conninfo import conninfo_to_dict
from tenacity import RetryCallState, Retrying, retry_if_exception_type
from tenacity.wait import wait_random_exponential
from urllib3.util.wait import wait_for_read

from mailcore import forks
from mailcore.clock import Deadline, elapsed
from mailcore.errors import DatabaseUnavailable
from mailcore.settings import Settings
from mailcore.store.connection import Connection
from mailcore.store.postgres_errors import our_errors

if TYPE_CHECKING:
    from sqlalchemy import Connection as CoreConnection
    from sqlalchemy import CursorResult, Engine, UpdateBase
    from sqlmodel import Session

#: Seconds that a use may take whose caller named no time: the pages' and the API's.
TIME_LIMIT = 10.0
#: Seconds over which the database is asked again: it may be restarting.
DATABASE_PATIENCE = 5.0
#: Connections of this process at the same time.
_MOST = 20
#: Of those that nobody uses, how many are kept open; and the seconds for which all are, as a busy
#: process needs them again at once.
_KEPT, _ALL_KEPT = 5, 10.0


class Database:
    """One Postgres. Connects at first use; safe across threads and forks.

    Args:
        find_url: returns its ``postgresql://…`` address, in any form that libpq takes.
            Asked at first use, so that whoever starts later is found.
    """

    def __init__(self, find_url: Callable[[], str]) -> None:
        self._find_url = find_url
        self._parents: list[object] = []
        self._reset()
        forks.watch(self)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Take ``DATABASE_URL``, or join the embedded server that runs in the data directory.

        Where neither is there, the first use says so with a `ConfigurationError`.
        """
        if settings.database_url is not None:
            return cls(settings.database_url.get_secret_value)
        from mailcore.store.embedded_postgres import join  # noqa: PLC0415 - only where it is used

        return cls(partial(join, settings.data_dir))

    def _reset(self) -> None:
        self._address: dict[str, Any] | None = None
        self._engine: Engine | None = None
        self._making = threading.Lock()
        self._places = threading.Semaphore(_MOST)
        self._idle: deque[Connection] = deque()

    def forget_parent(self) -> None:
        """After a fork, leave the parent's connections and locks to the parent."""
        # Kept, and never used: psycopg warns of an open connection that is dropped.
        self._parents.append(self._idle)
        self._reset()

    def connect_arguments(self) -> dict[str, Any]:
        """Return what libpq needs for a connection beside the pool, as keyword arguments.

        Raises:
            ConfigurationError: there is no ``DATABASE_URL``, and no embedded server.
            DatabaseUnavailable: the embedded server is stopped.
        """
        return _address(self._find_url())

    def close(self) -> None:
        """Close every connection that nobody uses right now."""
        while self._idle:
            self._idle.pop().close()

    @property
    def engine(self) -> "Engine":
        """SQLAlchemy's engine, made at first use, for the front ends."""
        # Sending never waits for the mapper to be loaded.
        from mailcore.store.sessions import engine  # noqa: PLC0415

        with self._making:
            if self._engine is None:
                self._engine = engine()
            return self._engine

    @contextmanager
    def connection(self, deadline: Deadline | None = None) -> Iterator[Connection]:
        """A connection on which each statement is its own transaction: see `Connection.run`.

        Statements that count together or not at all are run within its ``transaction()``.

        Args:
            deadline: when all of it must be over; None for `TIME_LIMIT`.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached, went away, or took longer.
            ConfigurationError: the tables are missing.
        """
        with self._lent(deadline or Deadline(TIME_LIMIT)) as connection:
            if not connection.autocommit:
                connection.autocommit = True
            yield connection

    @contextmanager
    def session(self, deadline: Deadline | None = None) -> Iterator["Session"]:
        """One use case of a front end: commits at the end, rolls back on an error.

        Args:
            deadline: when all of it must be over; None for `TIME_LIMIT`.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached, went away, or took longer.
            ConfigurationError: the tables are missing.
        """
        from sqlmodel import Session  # noqa: PLC0415 - as for `engine`

        with (
            self._core(deadline or Deadline(TIME_LIMIT)) as connection,
            Session(connection, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def transaction(self, deadline: Deadline | None = None) -> Iterator["CoreConnection"]:
        """Several statements that count together or not at all.

        Args:
            deadline: when all of it must be over; None for no end, as migrations need it.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached, went away, or took longer.
            ConfigurationError: the tables are missing.
        """
        with self._core(deadline) as connection, connection.begin():
            yield connection

    @contextmanager
    def statement(self, deadline: Deadline | None = None) -> Iterator["CoreConnection"]:
        """SQLAlchemy's connection, on which each statement is its own transaction.

        Args:
            deadline: when all of it must be over; None for `TIME_LIMIT`.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached, went away, or took longer.
            ConfigurationError: the tables are missing.
        """
        with self._core(deadline or Deadline(TIME_LIMIT)) as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def _core(self, deadline: Deadline | None) -> "Iterator[CoreConnection]":
        from mailcore.store.sessions import core_connection  # noqa: PLC0415 - as for `engine`

        with (
            self._lent(deadline) as lent,
            core_connection(self.engine, lent, deadline) as connection,
        ):
            yield connection

    @contextmanager
    def _lent(self, deadline: Deadline | None) -> Iterator[Connection]:
        """Lend a connection. Waiting for one, connecting and every statement end in time."""
        with our_errors(), self._place(deadline):
            connection = self._kept(deadline) or self._connect(deadline)
            idle = self._idle  # a forked child has its own
            try:
                yield connection
            finally:
                if connection.is_idle:
                    connection.idle_since = elapsed()
                    idle.append(connection)
                else:
                    connection.close()
                _close_surplus(idle)

    def _kept(self, deadline: Deadline | None) -> Connection | None:
        """Return the connection that was used last; None where the server has closed them all."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was faster
                return None
            # It has nothing to read, unless the server said goodbye.
            if not connection.closed and not wait_for_read(connection, timeout=0):  # type: ignore[arg-type]
                connection.deadline = deadline
                return connection
            connection.close()
        return None

    def _connect(self, deadline: Deadline | None) -> Connection:
        with self._making:
            self._address = self._address or _address(self._find_url())
        connection = Connection.connect_by(deadline, **self._address, autocommit=True)
        # Of its transactions: what is decided here is decided on what others have committed.
        connection.isolation_level = IsolationLevel.READ_COMMITTED
        return connection

    @contextmanager
    def _place(self, deadline: Deadline | None) -> Iterator[None]:
        places = self._places  # a forked child has its own
        if not places.acquire(timeout=deadline.seconds_left if deadline else None):
            raise DatabaseUnavailable(
                f"All {_MOST} connections of this process to the database were in use.",
                remedy="Trying again later is safe.",
            )
        try:
            yield
        finally:
            places.release()


def patiently(
    failures: type[Exception] | tuple[type[Exception], ...], deadline: Deadline
) -> Retrying:
    """Ask the database again for a moment: it may be restarting.

    Args:
        failures: after which to ask again.
        deadline: until when the caller can wait; it is never more than `DATABASE_PATIENCE`.
    """
    patience = deadline.at_most(DATABASE_PATIENCE)

    def too_late(state: RetryCallState) -> bool:
        return state.upcoming_sleep >= patience.seconds_left

    return Retrying(
        retry=retry_if_exception_type(failures),
        wait=wait_random_exponential(multiplier=0.1, max=1),
        stop=too_late,
        reraise=True,
    )


def storable(text: str) -> str:
    """Return a text without what Postgres cannot hold: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def literal(text: str) -> str:
    """Return a text so that LIKE takes every character of it for itself."""
    return storable(text).replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def changed_rows(session: "Session", statement: "UpdateBase") -> int:
    """Run an UPDATE or DELETE, and return how many rows it changed."""
    return cast("CursorResult[Any]", session.connection().execute(statement)).rowcount


def _close_surplus(idle: deque[Connection]) -> None:
    """Close connections that have not been needed for a while, the longest idle ones first."""
    with suppress(IndexError):  # another thread was faster
        while len(idle) > _KEPT and idle[0].idle_since < elapsed() - _ALL_KEPT:
            idle.popleft().close()


def _address(url: str) -> dict[str, Any]:
    """Return an address as libpq reads it, so that it means here what it means to psql."""
    return {
        "connect_timeout": 5,
        "application_name": "pal-e-mail",
        # A server that vanishes without a word is noticed in seconds, not minutes.
        "keepalives_idle": 30,
        "tcp_user_timeout": 10_000,
        **conninfo_to_dict(f"postgresql://{url.partition('://')[2]}"),
        # Before it is known whose session it is, nothing is prepared.
        "prepare_threshold": None,
    }

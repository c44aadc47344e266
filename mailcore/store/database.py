"""The database: engine, sessions, statements."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Self, cast

from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, CursorResult, Engine, UpdateBase, create_engine, event
from sqlalchemy.exc import DisconnectionError
from tenacity import RetryCallState, Retrying, retry_if_exception_type
from tenacity.wait import wait_random_exponential
from urllib3.util.wait import wait_for_read

from mailcore import forks
from mailcore.clock import Deadline
from mailcore.errors import DatabaseUnavailable
from mailcore.settings import Settings
from mailcore.store import bounded_connection, statement_timeout
from mailcore.store.bounded_connection import BoundedConnection
from mailcore.store.embedded_postgres import join
from mailcore.store.postgres_errors import our_errors

if TYPE_CHECKING:
    from sqlmodel import Session

#: Seconds that a use may take whose caller named no time: the pages' and the API's.
TIME_LIMIT = 10.0
#: Seconds over which the database is asked again: it may be restarting.
DATABASE_PATIENCE = 5.0
#: Connections of this process at the same time; a few are kept open.
_MOST = 20
_KEPT = 5


class Database:
    """One Postgres. Connects at first use; safe across threads and forks.

    Args:
        find_url: returns its ``postgresql://…`` address, in any form that libpq takes.
            Asked at first use, so that whoever starts later is found.
    """

    def __init__(self, find_url: Callable[[], str]) -> None:
        self._find_url = find_url
        self._parents: list[Engine] = []
        self._reset()
        forks.watch(self)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Take ``DATABASE_URL``, or join the embedded server that runs in the data directory.

        Where neither is there, the first use says so with a `ConfigurationError`.
        """
        if settings.database_url is not None:
            return cls(settings.database_url.get_secret_value)
        return cls(partial(join, settings.data_dir))

    def _reset(self) -> None:
        self._engine: Engine | None = None
        self._engine_lock = threading.Lock()
        self._places = threading.Semaphore(_MOST)

    def forget_parent(self) -> None:
        """After a fork, leave the parent's connections and locks to the parent."""
        # Kept, and never used: psycopg warns of an open connection that is dropped.
        self._parents += [self._engine] if self._engine else []
        self._reset()

    def connect_arguments(self) -> dict[str, Any]:
        """Return what libpq needs for a connection beside the pool, as keyword arguments.

        Raises:
            ConfigurationError: there is no ``DATABASE_URL``, and no embedded server runs.
        """
        return _connect_arguments(self._find_url())

    def close(self) -> None:
        """Close every pooled connection."""
        if self._engine is not None:
            self._engine.dispose()

    @property
    def engine(self) -> Engine:
        """The engine, made at first use.

        Raises:
            ConfigurationError: there is no ``DATABASE_URL``, and no embedded server runs.
        """
        with self._engine_lock:
            if self._engine is None:
                self._engine = _engine(self._find_url())
            return self._engine

    @contextmanager
    def session(self, deadline: Deadline | None = None) -> Iterator["Session"]:
        """One use case of a face: commits at the end, rolls back on an error.

        Args:
            deadline: when all of it must be over; None for `TIME_LIMIT`.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached, went away, or took longer.
            ConfigurationError: the tables are missing.
        """
        # Sending knows statements only, and so never waits for the mapper to be loaded.
        from sqlmodel import Session  # noqa: PLC0415

        with (
            self._lent(deadline or Deadline(TIME_LIMIT)) as connection,
            Session(connection, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def transaction(self, deadline: Deadline | None = None) -> Iterator[Connection]:
        """Several statements that count together or not at all.

        Args:
            deadline: when all of it must be over; None for no end, as migrations need it.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached, went away, or took longer.
            ConfigurationError: the tables are missing.
        """
        with self._lent(deadline) as connection, connection.begin():
            yield connection

    @contextmanager
    def statement(self, deadline: Deadline | None = None) -> Iterator[Connection]:
        """A connection on which each statement is its own transaction: one round trip.

        Args:
            deadline: when all of it must be over; None for `TIME_LIMIT`.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached, went away, or took longer.
            ConfigurationError: the tables are missing.
        """
        with self._lent(deadline or Deadline(TIME_LIMIT)) as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def _lent(self, deadline: Deadline | None) -> Iterator[Connection]:
        """Lend a connection. Waiting for one, connecting and every statement end in time."""
        with (
            our_errors(),
            self._place(deadline),
            bounded_connection.until(deadline),
            self.engine.connect() as connection,
        ):
            yield statement_timeout.bound(connection, deadline)

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


def changed_rows(session: "Session", statement: UpdateBase) -> int:
    """Run an UPDATE or DELETE, and return how many rows it changed."""
    return cast("CursorResult[Any]", session.connection().execute(statement)).rowcount


def _engine(url: str) -> Engine:
    engine = create_engine(
        "postgresql+psycopg://",
        # Parameters may be secrets; a logged error must not quote them.
        hide_parameters=True,
        pool_size=_KEPT,
        max_overflow=-1,  # `Database` counts them, and bounds the waiting by the caller's time
        # A pooled connection is checked by looking at its socket (below): no round trip.
        pool_pre_ping=False,
        # What is decided here is decided on what others have committed, whatever the
        # database's own default is.
        isolation_level="READ COMMITTED",
        # Spares a look-up at every new connection for a type that is not used.
        use_native_hstore=False,
        connect_args=_connect_arguments(url),
    )
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "checkout", _refuse_dead_connection)
    event.listen(engine, "do_execute", statement_timeout.execute)
    return engine


def _connect(
    _dialect: object, _record: object, args: Sequence[Any], options: Mapping[str, Any]
) -> BoundedConnection:
    return bounded_connection.connect(*args, **options)


def _connect_arguments(url: str) -> dict[str, Any]:
    """Return an address as libpq reads it, so that it means here what it means to psql."""
    return {
        "connect_timeout": 5,
        "application_name": "pal-e-mail",
        # A server that vanishes without a word is noticed in seconds, not minutes.
        "keepalives_idle": 30,
        "tcp_user_timeout": 10_000,
        **conninfo_to_dict(f"postgresql://{url.partition('://')[2]}"),
        # PgBouncer in transaction mode knows no server-side prepared statements.
        "prepare_threshold": None,
    }


def _refuse_dead_connection(dbapi_connection: Any, _record: object, _proxy: object) -> None:
    """Have the pool replace a connection whose server has closed it.

    An idle connection has nothing to read, unless the server said goodbye.
    """
    if dbapi_connection.closed or wait_for_read(dbapi_connection, timeout=0):
        raise DisconnectionError("the server closed this connection")
    bounded_connection.lend(dbapi_connection)

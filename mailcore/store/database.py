"""The database: engine, sessions, statements, locks."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Self, cast

from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, CursorResult, Engine, UpdateBase, create_engine, event, text
from sqlalchemy.exc import DisconnectionError
from tenacity import Retrying, retry_if_exception_type, stop_before_delay
from tenacity.wait import wait_random_exponential
from urllib3.util.wait import wait_for_read

from mailcore import forks
from mailcore.errors import TemporaryFailure
from mailcore.settings import Settings
from mailcore.store.embedded_postgres import join
from mailcore.store.postgres_errors import LOCK_BUSY, our_errors

if TYPE_CHECKING:
    from sqlmodel import Session

#: Seconds over which the database is asked again: it may be restarting.
DATABASE_PATIENCE = 5.0


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
        self._lock_engine: Engine | None = None
        self._engine_lock = threading.Lock()
        self._locks: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)

    def forget_parent(self) -> None:
        """After a fork, leave the parent's connections and locks to the parent."""
        # Kept, and never used: psycopg warns of an open connection that is dropped.
        self._parents += [engine for engine in (self._engine, self._lock_engine) if engine]
        self._reset()

    def close(self) -> None:
        """Close every pooled connection."""
        for engine in filter(None, (self._engine, self._lock_engine)):
            engine.dispose()

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

    @property
    def lock_engine(self) -> Engine:
        """The engine of `exclusive`: whoever waits for Google keeps nobody else waiting."""
        with self._engine_lock:
            if self._lock_engine is None:
                self._lock_engine = _engine(self._find_url())
            return self._lock_engine

    @contextmanager
    def session(self) -> Iterator["Session"]:
        """One use case of a face: commits at the end, rolls back on an error.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached, or went away.
            ConfigurationError: the tables are missing.
        """
        # Sending knows statements only, and so never waits for the mapper to be loaded.
        from sqlmodel import Session  # noqa: PLC0415

        with (
            our_errors(),
            Session(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def transaction(self) -> AbstractContextManager[Connection]:
        """Several statements that count together or not at all.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached, or went away.
            ConfigurationError: the tables are missing.
        """
        return _transaction(self.engine)

    @contextmanager
    def statement(self) -> Iterator[Connection]:
        """A connection on which each statement is its own transaction: one round trip.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached, or went away.
            ConfigurationError: the tables are missing.
        """
        with our_errors(), self.engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def exclusive(self, sender_id: int, *, timeout: float) -> Iterator[Connection]:
        """A transaction that only one thread of one process has, for each sender.

        Waiting threads hold no connection. No row is locked, so pages and other writers
        never wait. The lock ends with the transaction, so it works behind PgBouncer.

        Args:
            sender_id: which sender.
            timeout: seconds to wait for the others.

        Raises:
            TemporaryFailure: the others took longer.
            DatabaseUnavailable: Postgres cannot be reached, or went away.
        """
        deadline = time.monotonic() + timeout
        lock = self._locks[sender_id]
        if not lock.acquire(timeout=max(timeout, 0.001)):
            raise TemporaryFailure(LOCK_BUSY)
        try:
            with _transaction(self.lock_engine) as connection:
                seconds_left = max(deadline - time.monotonic(), 0.001)
                connection.execute(
                    text("SELECT set_config('lock_timeout', :milliseconds, true)"),
                    {"milliseconds": str(int(seconds_left * 1000))},
                )
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(:namespace, :sender)"),
                    {"namespace": _LOCK_NAMESPACE, "sender": sender_id},
                )
                yield connection
        finally:
            lock.release()


#: Keeps our advisory locks apart from those of other programs in the database ("pale").
_LOCK_NAMESPACE = 0x70616C65


@contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    with our_errors(), engine.begin() as connection:
        yield connection


def patiently(failures: type[Exception] | tuple[type[Exception], ...], seconds: float) -> Retrying:
    """Ask the database again for a moment: it may be restarting.

    Args:
        failures: after which to ask again.
        seconds: how long the caller can wait; never more than `DATABASE_PATIENCE`.
    """
    return Retrying(
        retry=retry_if_exception_type(failures),
        wait=wait_random_exponential(multiplier=0.1, max=1),
        stop=stop_before_delay(min(seconds, DATABASE_PATIENCE)),
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
        pool_size=5,
        max_overflow=15,
        pool_timeout=10,
        # A pooled connection is checked by looking at its socket (below): no round trip.
        pool_pre_ping=False,
        # Spares a look-up at every new connection for a type that is not used.
        use_native_hstore=False,
        # libpq reads the address, so that it means here what it means to psql.
        connect_args={
            "connect_timeout": 5,
            "application_name": "pal-e-mail",
            # A server that vanishes without a word is noticed in seconds, not minutes.
            "keepalives_idle": 30,
            "tcp_user_timeout": 10_000,
            **conninfo_to_dict(f"postgresql://{url.partition('://')[2]}"),
            # PgBouncer in transaction mode knows no server-side prepared statements.
            "prepare_threshold": None,
        },
    )
    event.listen(engine, "checkout", _refuse_dead_connection)
    return engine


def _refuse_dead_connection(dbapi_connection: Any, _record: object, _proxy: object) -> None:
    """Have the pool replace a connection whose server has closed it.

    An idle connection has nothing to read, unless the server said goodbye.
    """
    if dbapi_connection.closed or wait_for_read(dbapi_connection, timeout=0):
        raise DisconnectionError("the server closed this connection")

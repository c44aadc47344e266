"""The database: engine, sessions, statements."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Self, cast

from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, CursorResult, Engine, UpdateBase, create_engine, event
from sqlalchemy.exc import DisconnectionError
from tenacity import Retrying, retry_if_exception_type, stop_before_delay
from tenacity.wait import wait_random_exponential
from urllib3.util.wait import wait_for_read

from mailcore import forks
from mailcore.settings import Settings
from mailcore.store import statement_timeout
from mailcore.store.embedded_postgres import join
from mailcore.store.postgres_errors import our_errors
from mailcore.store.statement_timeout import STATEMENT_TIMEOUT

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
        self._engine_lock = threading.Lock()

    def forget_parent(self) -> None:
        """After a fork, leave the parent's connections and locks to the parent."""
        # Kept, and never used: psycopg warns of an open connection that is dropped.
        self._parents += [self._engine] if self._engine else []
        self._reset()

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

    @contextmanager
    def transaction(self, *, timeout: float | None = None) -> Iterator[Connection]:
        """Several statements that count together or not at all.

        Args:
            timeout: seconds that each of them may take; None leaves them unbounded.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached, went away, or took longer.
            ConfigurationError: the tables are missing.
        """
        with our_errors(), self.engine.begin() as connection:
            yield statement_timeout.bound(connection, timeout)

    @contextmanager
    def statement(self, *, timeout: float = STATEMENT_TIMEOUT) -> Iterator[Connection]:
        """A connection on which each statement is its own transaction: one round trip.

        Args:
            timeout: seconds that each may take.

        Raises:
            DatabaseUnavailable: Postgres cannot be reached, went away, or took longer.
            ConfigurationError: the tables are missing.
        """
        with our_errors(), self.engine.connect() as connection:
            autocommitting = connection.execution_options(isolation_level="AUTOCOMMIT")
            yield statement_timeout.bound(autocommitting, timeout)


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
        # What is decided here is decided on what others have committed, whatever the
        # database's own default is.
        isolation_level="READ COMMITTED",
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
    event.listen(engine, "do_execute", statement_timeout.execute)
    return engine


def _refuse_dead_connection(dbapi_connection: Any, _record: object, _proxy: object) -> None:
    """Have the pool replace a connection whose server has closed it.

    An idle connection has nothing to read, unless the server said goodbye.
    """
    if dbapi_connection.closed or wait_for_read(dbapi_connection, timeout=0):
        raise DisconnectionError("the server closed this connection")

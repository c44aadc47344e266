"""A database that fails on request."""

import psycopg
from psycopg.sql import SQL, Identifier


class Closable:
    """A database that lets nobody in, or nobody write, on request."""

    def __init__(self, server: psycopg.Connection, name: str) -> None:
        self._server = server
        self._name = name

    def cut(self) -> None:
        """End every connection, as a restart does."""
        self._server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [self._name],
        )

    def close(self) -> None:
        """Let nobody in."""
        self._alter("ALLOW_CONNECTIONS false")
        self.cut()

    def mend(self) -> None:
        """Let everybody in again, and write."""
        self._alter("ALLOW_CONNECTIONS true")
        self._alter("RESET default_transaction_read_only", "")
        self.cut()

    def forbid_writing(self) -> None:
        """Become a replica, as after a failover to the wrong side."""
        self._alter("SET default_transaction_read_only = on", "")
        self.cut()

    def _alter(self, what: str, joint: str = "WITH") -> None:
        self._server.execute(
            SQL(f"ALTER DATABASE {{}} {joint} {what}").format(Identifier(self._name))
        )

"""Telling the workers that a sender's queue is worth a look.

A notification is delivered if and only if its transaction commits, and equal ones of one
transaction are delivered once (https://www.postgresql.org/docs/current/sql-notify.html). None is
needed: the workers look by themselves every few seconds.
"""

from sqlalchemy import Connection, text

#: The channel; what is told is the sender's alias.
CHANNEL = "palemail_queue"

_NOTIFY = text(f"SELECT pg_notify('{CHANNEL}', :alias)")


def wake_up(connection: Connection, alias: str) -> None:
    """Have the workers look at a sender's queue once the running transaction commits."""
    connection.execute(_NOTIFY, {"alias": alias})

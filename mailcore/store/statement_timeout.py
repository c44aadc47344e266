"""No statement outlasts its caller, at no further round trip, also behind PgBouncer.

Behind a pooler in transaction mode, a timeout that is set for the session would hit another
client. So it is set for the transaction, and travels with the statement: a simple query may
hold several, which run as one transaction
(https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT).
"""

from collections.abc import Sequence

import psycopg
from sqlalchemy import Connection
from sqlalchemy.engine.interfaces import ExecutionContext

#: Seconds that a statement may take whose caller named no time.
STATEMENT_TIMEOUT = 30.0

_OPTION = "palemail_timeout"


def bound(connection: Connection, timeout: float | None) -> Connection:
    """Have each statement on a connection end after that many seconds; None leaves it be."""
    return connection.execution_options(**{_OPTION: timeout})


def execute(
    cursor: psycopg.Cursor[tuple[object, ...]],
    statement: str,
    parameters: Sequence[object],
    context: ExecutionContext,
) -> bool | None:
    """Run a statement under its connection's timeout, if it has one.

    The handler of SQLAlchemy's ``do_execute``: True says that it ran here.
    """
    timeout = context.execution_options.get(_OPTION)
    if timeout is None:
        return None
    settings = [f"SET LOCAL statement_timeout = {max(int(timeout * 1000), 1)}"]
    if cursor.connection.autocommit:
        # Stated, not left to the database's default, as in every other transaction.
        settings.insert(0, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    # Only the extended protocol binds values on the server, and it takes one statement.
    whole = psycopg.ClientCursor(cursor.connection).mogrify(statement.encode(), parameters)
    cursor.execute(";".join([*settings, whole]).encode(cursor.connection.info.encoding))
    for _ in settings:
        cursor.nextset()
    return True

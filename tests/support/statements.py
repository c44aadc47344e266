"""Seeing the statements that a deployment sends, on its real connections."""

from collections.abc import Callable
from typing import Any

import psycopg

from mailcore import Mailcore
from mailcore.clock import Deadline
from mailcore.store.connection import Connection


def note_statements(core: Mailcore, note: Callable[[str], object]) -> None:
    """Have each statement noted once psycopg has sent it, from now on."""

    class Noting(psycopg.Cursor[Any]):
        def execute(self, query: Any, *args: Any, **options: Any) -> Any:
            done = super().execute(query, *args, **options)
            note(query.decode() if isinstance(query, bytes) else query)
            return done

    connect = core._database._connect

    def noting(deadline: Deadline | None) -> Connection:
        connection = connect(deadline)
        connection.cursor_factory = Noting
        return connection

    core.close()  # what is open already notes nothing
    core._database._connect = noting  # type: ignore[method-assign]
